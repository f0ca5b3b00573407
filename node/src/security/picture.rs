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

/// How values lie above each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// Between 0 and 1.
    Share,
    /// Above zero, each step ten times the one before.
    Decades,
}

impl Scale {
    fn height(self, value: f64) -> f64 {
        match self {
            Self::Share => value,
            Self::Decades => value.log10(),
        }
    }

    fn label(self, height: f64) -> String {
        match self {
            Self::Share => format!("{:.1}", height),
            Self::Decades => format!("{}", 10_f64.powf(height)),
        }
    }
}

/// What is drawn.
#[derive(Debug, Clone)]
pub struct Picture<'a> {
    /// Above it.
    pub title: &'a str,
    /// What the whole number is.
    pub across: &'a str,
    /// What the values are.
    pub up: &'a str,
    /// How they lie above each other.
    pub scale: Scale,
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
        let scale = self.scale;
        let values = self.curves.iter().flat_map(|curve| &curve.points);
        let values = values.map(|(_, value)| scale.height(*value));
        let (low, high) = match scale {
            Scale::Share => (0.0, 1.0),
            Scale::Decades => values.fold((f64::MAX, f64::MIN), |(low, high), value| {
                (low.min(value.floor()), high.max(value.ceil()))
            }),
        };
        // Decades are labelled, not what lies between them.
        let labels = match scale {
            Scale::Share => 11,
            Scale::Decades => (high - low) as usize + 1,
        };
        let mut chart = ChartBuilder::on(area)
            .margin(20)
            .caption(self.title, ("sans-serif", 22))
            .x_label_area_size(50)
            .y_label_area_size(60)
            .build_cartesian_2d(
                first.min(last)..last.max(first.saturating_add(1)),
                low..high,
            )?;
        chart
            .configure_mesh()
            .x_desc(self.across)
            .y_desc(self.up)
            .label_style(("sans-serif", 15))
            .y_labels(labels)
            .y_label_formatter(&|height| scale.label(*height))
            .light_line_style(TRANSPARENT)
            .draw()?;
        for (index, curve) in self.curves.iter().enumerate() {
            let color = Palette99::pick(index).to_rgba();
            chart
                .draw_series(LineSeries::new(
                    curve
                        .points
                        .iter()
                        .map(|(place, value)| (*place, scale.height(*value))),
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
