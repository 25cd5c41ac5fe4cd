// SPDX-License-Identifier: GPL-2.0-only

//! A small chart as SVG, in the classes of `docs/pictures/style.css`.

use std::fmt::Write as _;

/// The picture's size, and the edges of the chart in it.
const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 350.0;
const LEFT: f64 = 64.0;
const RIGHT: f64 = 736.0;
const TOP: f64 = 60.0;
const BOTTOM: f64 = 296.0;
/// What a small letter takes at most.
const LETTER: f64 = 8.0;

/// An axis from 0 to `to`, with a number at each multiple of `step`.
pub(crate) struct Axis {
    pub(crate) title: &'static str,
    pub(crate) to: f64,
    pub(crate) step: f64,
}

/// A chart whose parts are drawn in the order in which they are added.
pub(crate) struct Plot {
    x: Axis,
    y: Axis,
    body: String,
}

impl Plot {
    /// Makes a chart without data; `description` is for those who can't see it.
    pub(crate) fn new(description: &str, x: Axis, y: Axis) -> Self {
        let mut plot = Self {
            x,
            y,
            body: format!("<title>{description}</title>\n"),
        };
        let size = format!("width=\"{WIDTH}\" height=\"{HEIGHT}\"");
        plot.add(&format!("<rect class=\"paper\" {size} rx=\"8\"/>"));
        plot.axes();
        plot
    }

    fn axes(&mut self) {
        for tick in multiples(&self.x) {
            let x = self.at(tick, 0.0).0;
            self.add(&format!(
                "<text class=\"small middle\" x=\"{x:.1}\" y=\"{:.1}\">{tick}</text>",
                BOTTOM + 18.0
            ));
            self.add(&format!(
                "<path class=\"line\" d=\"M{x:.1} {BOTTOM:.1}v5\"/>"
            ));
        }
        for tick in multiples(&self.y) {
            let y = self.at(0.0, tick).1;
            self.add(&format!(
                "<text class=\"small end\" x=\"{:.1}\" y=\"{:.1}\">{tick}</text>",
                LEFT - 8.0,
                y + 4.5
            ));
            self.add(&format!(
                "<path class=\"thin\" d=\"M{LEFT:.1} {y:.1}H{RIGHT:.1}\"/>"
            ));
        }
        self.add(&format!(
            "<path class=\"line\" d=\"M{LEFT:.1} {TOP:.1}V{BOTTOM:.1}H{RIGHT:.1}\"/>"
        ));
        let titles = format!(
            "<text class=\"small middle\" x=\"{:.1}\" y=\"{:.1}\">{}</text>\n\
             <text class=\"small\" x=\"{:.1}\" y=\"24\">{}</text>",
            (LEFT + RIGHT) / 2.0,
            BOTTOM + 40.0,
            self.x.title,
            LEFT - 48.0,
            self.y.title
        );
        self.add(&titles);
    }

    fn add(&mut self, element: &str) {
        self.body.push_str(element);
        self.body.push('\n');
    }

    /// Where a point is in the picture.
    fn at(&self, x: f64, y: f64) -> (f64, f64) {
        (
            LEFT + x / self.x.to * (RIGHT - LEFT),
            BOTTOM - y / self.y.to * (BOTTOM - TOP),
        )
    }

    /// A line through all points.
    pub(crate) fn line(&mut self, class: &str, points: &[(f64, f64)]) {
        let mut path = String::new();
        for (number, &(x, y)) in points.iter().enumerate() {
            let (x, y) = self.at(x, y);
            let how = if number == 0 { "M" } else { " L" };
            let _ = write!(path, "{how}{x:.1} {y:.1}");
        }
        self.add(&format!("<path class=\"{class}\" d=\"{path}\"/>"));
    }

    /// A dot at each point.
    pub(crate) fn dots(&mut self, points: &[(f64, f64)]) {
        for &(x, y) in points {
            let (x, y) = self.at(x, y);
            self.add(&format!(
                "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"1.8\"/>"
            ));
        }
    }

    /// A stretch of time above the chart, with a word in it, or before it where it is too short for that.
    pub(crate) fn stretch(&mut self, class: &str, from: f64, to: f64, word: &str) {
        let (left, _) = self.at(from, 0.0);
        let (right, _) = self.at(to, 0.0);
        self.add(&format!(
            "<rect class=\"{class}\" x=\"{left:.1}\" y=\"{:.1}\" width=\"{:.1}\" height=\"22\"/>",
            TOP - 24.0,
            right - left
        ));
        let (anchor, x) = if right - left > LETTER * word.len() as f64 {
            ("middle", (left + right) / 2.0)
        } else {
            ("end", left - LETTER)
        };
        self.add(&format!(
            "<text class=\"small {anchor}\" x=\"{x:.1}\" y=\"{:.1}\">{word}</text>",
            TOP - 8.0
        ));
    }

    /// Words that begin at a point.
    pub(crate) fn words(&mut self, class: &str, x: f64, y: f64, words: &str) {
        let (x, y) = self.at(x, y);
        self.add(&format!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\">{words}</text>"
        ));
    }

    /// The whole picture.
    pub(crate) fn svg(&self, style: &str) -> String {
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\">\n\
             <!-- SPDX-License-Identifier: MIT OR Apache-2.0 -->\n\
             <!-- made by drivers/snd-rloop/host/examples/pictures -->\n\
             <style>\n{style}</style>\n{}</svg>\n",
            self.body
        )
    }
}

/// The numbers on an axis.
fn multiples(axis: &Axis) -> Vec<f64> {
    let step = axis.step;
    (0..)
        .map(|number| f64::from(number) * step)
        .take_while(|at| *at <= axis.to)
        .collect()
}
