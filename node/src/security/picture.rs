//! Curves over a whole number, as an SVG or PNG file.

use std::path::Path;
use std::sync::Once;

use anyhow::Context as _;
use plotters::prelude::*;
use plotters::style::{FontStyle, register_font};

/// One curve.
#[derive(Debug, Clone)]
pub struct Curve {
    /// What it shows.
    pub name: String,
    /// Points, rising.
    pub points: Vec<(u32, f64)>,
}

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Picture<'a> {
    /// Above it.
    pub title: &'a str,
    /// What the whole number is.
    pub across: &'a str,
    /// What is between 0 and 1.
    pub up: &'a str,
    /// At least one with at least one point.
    pub curves: &'a [Curve],
}

const SIZE: (u32, u32) = (1_000, 640);

impl Picture<'_> {
    /// Writes it; the end of the name, `.svg` or `.png`, says as what.
    ///
    /// # Errors
    /// When it ends with neither, or cannot be written.
    pub fn write(&self, file: &Path) -> anyhow::Result<()> {
        static FONT: Once = Once::new();
        // A server has no fonts to rely on.
        FONT.call_once(|| {
            let registered =
                register_font("sans-serif", FontStyle::Normal, dejavu::sans::regular());
            debug_assert!(registered.is_ok(), "the font is one");
        });
        let written = match file.extension().and_then(|end| end.to_str()) {
            Some("svg") => said(self.draw(&SVGBackend::new(file, SIZE).into_drawing_area())),
            Some("png") => said(self.draw(&BitMapBackend::new(file, SIZE).into_drawing_area())),
            _ => anyhow::bail!("{}: a picture is an .svg or a .png", file.display()),
        };
        written.with_context(|| format!("writing {}", file.display()))
    }

    fn draw<B: DrawingBackend>(
        &self,
        area: &DrawingArea<B, plotters::coord::Shift>,
    ) -> Result<(), DrawingAreaErrorKind<B::ErrorType>> {
        area.fill(&WHITE)?;
        let places = self.curves.iter().flat_map(|curve| &curve.points);
        let places = places.map(|(place, _)| *place);
        let (first, last) = places.fold((u32::MAX, 0), |(low, high), place| {
            (low.min(place), high.max(place))
        });
        let mut chart = ChartBuilder::on(area)
            .margin(20)
            .caption(self.title, ("sans-serif", 22))
            .x_label_area_size(50)
            .y_label_area_size(60)
            .build_cartesian_2d(first.min(last)..last.max(first.saturating_add(1)), 0.0..1.0)?;
        chart
            .configure_mesh()
            .x_desc(self.across)
            .y_desc(self.up)
            .label_style(("sans-serif", 15))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (index, curve) in self.curves.iter().enumerate() {
            let color = Palette99::pick(index).to_rgba();
            chart
                .draw_series(LineSeries::new(
                    curve.points.iter().copied(),
                    color.stroke_width(2),
                ))?
                .label(&curve.name)
                .legend(move |(x, y)| {
                    PathElement::new([(x, y), (x + 20, y)], color.stroke_width(2))
                });
        }
        chart
            .configure_series_labels()
            .background_style(WHITE.mix(0.8))
            .border_style(BLACK)
            .label_font(("sans-serif", 15))
            .draw()?;
        area.present()
    }
}

fn said<E: std::error::Error + Send + Sync>(
    drawn: Result<(), DrawingAreaErrorKind<E>>,
) -> anyhow::Result<()> {
    drawn.map_err(|error| anyhow::anyhow!("{error}"))
}
