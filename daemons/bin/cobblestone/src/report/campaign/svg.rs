//! Plots as SVG, small: bars in stacks over a scale, with axes. Pure.
//!
//! Own code, and not a library's: what is needed is one kind of plot, and a name and a description for those who can't see
//! it, patterns that differ in print, and text that stays text are not what plotting libraries make.
//!
//! Invariant: all text is escaped; there are no scripts, no links and no fonts from elsewhere.

use std::fmt::Write as _;

use boinc::printable::printable;

/// Size of a plot.
const WIDTH: f64 = 720.0;
const HEIGHT: f64 = 300.0;
/// Room for labels.
const LEFT: f64 = 64.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 44.0;
const BOTTOM: f64 = 56.0;

/// Fill of each part of a stack. They differ in lightness, too, and each has a contrast of 3 to 1 or more to white.
pub const FILLS: [&str; 4] = ["#0072b2", "#d55e00", "#333333", "#8a8a8a"];

/// A plot.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plot {
    /// What it shows: also its name for those who hear it.
    pub title: String,
    /// What there is to see, in words.
    pub description: String,
    /// Name and unit of the horizontal axis.
    pub x: String,
    /// Name and unit of the vertical axis.
    pub y: String,
    /// Names of the parts of a stack; one name: there is no legend.
    pub parts: Vec<String>,
    /// Stacks from left to right.
    pub bars: Vec<Bar>,
    /// Labels of the horizontal axis: where, in bars from the left, and what.
    pub ticks: Vec<(f64, String)>,
    /// A line across, at that height, and its label.
    pub line: Option<(f64, String)>,
}

/// A stack.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Bar {
    /// For who points at it: what it is.
    pub label: String,
    /// Height of each part.
    pub values: Vec<f64>,
}

/// Text for XML and HTML, on one line.
pub fn escaped(text: &str) -> String {
    printable(text, 2000)
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

/// A number as short as it can be read.
pub fn short(value: f64) -> String {
    if value != 0.0 && (value.abs() >= 1e7 || value.abs() < 1e-3) {
        return format!("{value:.1e}");
    }
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Steps for a scale from 0 to `most`: 1, 2 or 5 times a power of ten, at most 6; whole if `whole`.
fn steps(most: f64, whole: bool) -> Vec<f64> {
    if !(most.is_finite() && most > 0.0) {
        return vec![0.0, 1.0];
    }
    let raw = most / 5.0;
    let power = 10_f64.powf(raw.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].into_iter().map(|n| n * power).find(|step| *step >= raw * 0.999);
    let mut step = step.unwrap_or(10.0 * power);
    if whole {
        step = step.max(1.0);
    }
    (0..12).map(|n| f64::from(n) * step).take_while(|at| *at < most + step * 0.999).collect()
}

impl Plot {
    /// The whole document. `id` tells it from others on the same page.
    pub fn svg(&self, id: &str) -> String {
        let id = escaped(id);
        let mut out = String::new();
        let _ = write!(
            out,
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-desc\" font-family=\"sans-serif\" font-size=\"12\" fill=\"#111\">\n\
             <title id=\"{id}-title\">{}</title>\n<desc id=\"{id}-desc\">{}</desc>\n",
            escaped(&self.title),
            escaped(&self.description)
        );
        self.patterns(&mut out, &id);
        let _ = writeln!(out, "<rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>");
        let _ = writeln!(
            out,
            "<text x=\"{LEFT}\" y=\"18\" font-size=\"14\" font-weight=\"bold\">{}</text>",
            escaped(&self.title)
        );
        self.legend(&mut out, &id);
        self.axes_and_bars(&mut out, &id);
        out.push_str("</svg>\n");
        out
    }

    fn fill(id: &str, part: usize) -> String {
        match part {
            1 => format!("url(#{id}-hatched)"),
            part => FILLS.get(part).unwrap_or(&"#555").to_string(),
        }
    }

    /// The second part of a stack is hatched, so that it differs without colour.
    fn patterns(&self, out: &mut String, id: &str) {
        if self.parts.len() > 1 {
            let _ = writeln!(
                out,
                "<defs><pattern id=\"{id}-hatched\" width=\"6\" height=\"6\" patternUnits=\"userSpaceOnUse\" \
                 patternTransform=\"rotate(45)\"><rect width=\"6\" height=\"6\" fill=\"{}\"/><rect width=\"1.5\" height=\"6\" \
                 fill=\"#fff\"/></pattern></defs>",
                FILLS[1]
            );
        }
    }

    fn legend(&self, out: &mut String, id: &str) {
        if self.parts.len() < 2 {
            return;
        }
        let mut x = LEFT;
        for (part, name) in self.parts.iter().enumerate() {
            let _ = writeln!(
                out,
                "<rect x=\"{x:.1}\" y=\"26\" width=\"12\" height=\"12\" fill=\"{}\" stroke=\"#111\" stroke-width=\"0.5\"/>\
                 <text x=\"{:.1}\" y=\"36\">{}</text>",
                Self::fill(id, part),
                x + 17.0,
                escaped(name)
            );
            #[expect(clippy::cast_precision_loss, reason = "a short name")]
            let width = name.chars().count() as f64 * 7.0;
            x += 34.0 + width;
        }
    }

    fn axes_and_bars(&self, out: &mut String, id: &str) {
        let sums = self.bars.iter().map(|bar| bar.values.iter().sum::<f64>());
        let most = sums.chain(self.line.iter().map(|line| line.0)).fold(0.0, f64::max);
        let whole = self.bars.iter().flat_map(|bar| &bar.values).all(|value| value.fract() == 0.0);
        let steps = steps(most, whole);
        let top = steps.last().copied().unwrap_or(1.0).max(most);
        let (plot_width, plot_height) = (WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM);
        let floor = HEIGHT - BOTTOM;
        let at = |value: f64| floor - value / top * plot_height;
        for step in &steps {
            let y = at(*step);
            let _ = writeln!(
                out,
                "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#ddd\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                WIDTH - RIGHT,
                LEFT - 6.0,
                y + 4.0,
                short(*step)
            );
        }
        #[expect(clippy::cast_precision_loss, reason = "some hundred bars")]
        let step = plot_width / (self.bars.len().max(1) as f64);
        for (n, bar) in self.bars.iter().enumerate() {
            #[expect(clippy::cast_precision_loss, reason = "some hundred bars")]
            let x = LEFT + n as f64 * step;
            let width = (step - 1.0).max(step * 0.8).min(90.0);
            let x = x + (step - width) / 2.0;
            let mut below = 0.0;
            for (part, value) in bar.values.iter().enumerate().filter(|(_, value)| **value > 0.0) {
                let _ = writeln!(
                    out,
                    "<rect x=\"{x:.2}\" y=\"{:.2}\" width=\"{width:.2}\" height=\"{:.2}\" fill=\"{}\" stroke=\"#111\" \
                     stroke-width=\"0.5\"><title>{}</title></rect>",
                    at(below + value),
                    at(below) - at(below + value),
                    Self::fill(id, part),
                    escaped(&format!(
                        "{}{}: {}",
                        bar.label,
                        self.parts
                            .get(part)
                            .filter(|_| self.parts.len() > 1)
                            .map_or_else(String::new, |name| format!(", {name}")),
                        short(*value)
                    ))
                );
                below += value;
            }
        }
        if let Some((height, label)) = &self.line {
            let y = at(*height);
            let _ = writeln!(
                out,
                "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{y:.1}\" y2=\"{y:.1}\" stroke=\"#111\" stroke-dasharray=\"6 4\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\" stroke=\"#fff\" stroke-width=\"3\" paint-order=\"stroke\">{}</text>",
                WIDTH - RIGHT,
                WIDTH - RIGHT - 4.0,
                y - 5.0,
                escaped(label)
            );
        }
        let _ = writeln!(
            out,
            "<line x1=\"{LEFT}\" x2=\"{:.1}\" y1=\"{floor}\" y2=\"{floor}\" stroke=\"#111\"/>\
             <line x1=\"{LEFT}\" x2=\"{LEFT}\" y1=\"{TOP}\" y2=\"{floor}\" stroke=\"#111\"/>",
            WIDTH - RIGHT
        );
        for (place, label) in &self.ticks {
            let x = LEFT + place * step;
            let _ = writeln!(
                out,
                "<line x1=\"{x:.1}\" x2=\"{x:.1}\" y1=\"{floor}\" y2=\"{:.1}\" stroke=\"#111\"/>\
                 <text x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
                floor + 5.0,
                floor + 19.0,
                escaped(label)
            );
        }
        let _ = writeln!(
            out,
            "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>\
             <text transform=\"translate(14 {:.1}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
            LEFT + plot_width / 2.0,
            HEIGHT - 12.0,
            escaped(&self.x),
            TOP + plot_height / 2.0,
            escaped(&self.y)
        );
        if self.bars.is_empty() {
            let _ = writeln!(
                out,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">nothing to show yet</text>",
                LEFT + plot_width / 2.0,
                TOP + plot_height / 2.0
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_have_round_steps() {
        assert_eq!(steps(7.0, true), [0.0, 2.0, 4.0, 6.0, 8.0]);
        assert_eq!(steps(1.0, true), [0.0, 1.0]);
        assert_eq!(steps(1.0, false), [0.0, 0.2, 0.4, 0.6000000000000001, 0.8, 1.0]);
        assert_eq!(steps(0.0, false), [0.0, 1.0]);
        assert!(steps(123_456.0, true).len() <= 8 && steps(f64::NAN, true).len() == 2);
        assert_eq!([0.5, 1200.0, 1e9, 0.0].map(short), ["0.5", "1200", "1.0e9", "0"]);
    }

    #[test]
    fn hostile_text_stays_text() {
        let evil = "</svg><script>alert(1)</script>\u{1b}[2J\"'&";
        let plot = Plot {
            title: evil.to_owned(),
            description: evil.to_owned(),
            x: evil.to_owned(),
            y: evil.to_owned(),
            parts: vec![evil.to_owned(), evil.to_owned()],
            bars: vec![Bar { label: evil.to_owned(), values: vec![1.0, 2.0] }],
            ticks: vec![(0.5, evil.to_owned())],
            line: Some((1.0, evil.to_owned())),
        };
        let svg = plot.svg(evil);
        assert!(!svg.contains("<script") && !svg.contains('\u{1b}'));
        assert_eq!(svg.matches("</svg>").count(), 1);
        assert_eq!(escaped("a<b>&\"'"), "a&lt;b&gt;&amp;&quot;&#39;");
        assert!(Plot::default().svg("a").contains("nothing to show yet"));
    }
}
