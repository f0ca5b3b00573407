//! Formulas over the field, written once for both limb layouts.
//!
//! A formula knows how large the limbs of every element in it can be. Sums and differences are left uncarried where the multiplication they go
//! into can take them, and a carry is written where it cannot; so the same formula gives fewer carries in ten wide limbs than in twenty
//! narrow ones, and neither can overflow.

use std::fmt::Write as _;

use crate::generate::field::Field;
use crate::generate::limbs::Bound;

/// An element of a formula.
#[derive(Clone, Copy)]
pub(super) struct Element(usize);

/// The lines of one function.
pub(super) struct Formula<'a> {
    field: &'a Field,
    text: String,
    elements: Vec<(String, Bound)>,
}

impl<'a> Formula<'a> {
    pub(super) fn new(field: &'a Field) -> Self {
        Self {
            field,
            text: String::new(),
            elements: Vec::new(),
        }
    }

    /// Something the function is given, with limbs within `bound`.
    pub(super) fn given(&mut self, expression: &str, bound: &Bound) -> Element {
        self.elements.push((expression.to_owned(), bound.clone()));
        Element(self.elements.len() - 1)
    }

    /// Something the function is given, tight.
    pub(super) fn given_tight(&mut self, expression: &str) -> Element {
        self.given(expression, &self.field.tight)
    }

    /// A line that is no arithmetic of this field.
    pub(super) fn line(&mut self, line: &str) {
        let _ = writeln!(self.text, "    {line}");
    }

    pub(super) fn add(&mut self, name: &str, left: Element, right: Element) -> Element {
        let bound = self.bound(left).plus(self.bound(right));
        let expression = format!("fe_add({}, {})", self.name(left), self.name(right));
        self.define(name, &expression, bound)
    }

    pub(super) fn subtract(&mut self, name: &str, left: Element, right: Element) -> Element {
        if !self.bound(right).within(&self.field.tight.times(3)) {
            self.carry(right);
        }
        let (times, multiple) = self.field.subtraction(self.bound(right));
        let bound = self.bound(left).plus(&multiple);
        let expression = format!("fe_sub{times}({}, {})", self.name(left), self.name(right));
        self.define(name, &expression, bound)
    }

    pub(super) fn multiply(&mut self, name: &str, left: Element, right: Element) -> Element {
        let mut operands = [left, right];
        while !self.fits(operands) {
            operands.reverse();
            if self.fits(operands) {
                break;
            }
            let larger = *operands
                .iter()
                .max_by_key(|&&element| self.bound(element).0[2])
                .expect("two operands");
            self.carry(larger);
        }
        let [left, right] = operands.map(|element| self.name(element));
        let expression = format!("fe_mul({left}, {right})");
        self.define(name, &expression, self.field.tight.clone())
    }

    pub(super) fn square(&mut self, name: &str, element: Element) -> Element {
        if !self.field.multiplies(self.bound(element), None) {
            self.carry(element);
        }
        let expression = format!("fe_sq({})", self.name(element));
        self.define(name, &expression, self.field.tight.clone())
    }

    /// The name of `element`, carried if its limbs may be larger than `bound`.
    pub(super) fn result(&mut self, element: Element, bound: &Bound) -> String {
        if !self.bound(element).within(bound) {
            self.carry(element);
        }
        self.name(element)
    }

    /// The name of `element`, tight.
    pub(super) fn tight(&mut self, element: Element) -> String {
        let bound = self.field.tight.clone();
        self.result(element, &bound)
    }

    /// The lines.
    pub(super) fn text(self) -> String {
        self.text
    }

    fn fits(&self, [left, right]: [Element; 2]) -> bool {
        self.field
            .multiplies(self.bound(left), Some(self.bound(right)))
    }

    /// Makes `element` tight, from here on.
    fn carry(&mut self, element: Element) {
        assert!(
            self.field.carries(self.bound(element)) && *self.bound(element) != self.field.tight,
            "{} cannot be carried",
            self.name(element)
        );
        let own = self.name(element);
        let name = format!("{}_carried", own.replace('.', "_"));
        let _ = writeln!(self.text, "    let {name} = fe_carry({own});");
        self.elements[element.0] = (name, self.field.tight.clone());
    }

    fn define(&mut self, name: &str, expression: &str, bound: Bound) -> Element {
        let _ = writeln!(self.text, "    let {name} = {expression};");
        self.elements.push((name.to_owned(), bound));
        Element(self.elements.len() - 1)
    }

    fn name(&self, element: Element) -> String {
        self.elements[element.0].0.clone()
    }

    fn bound(&self, element: Element) -> &Bound {
        &self.elements[element.0].1
    }
}
