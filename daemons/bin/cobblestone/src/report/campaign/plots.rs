//! What the plots of a campaign show. Pure.

use store::campaign_view::{BINS, Bin, CampaignFacts};

use super::svg::{Bar, Plot, short};
use crate::ledger::day_text;
use crate::text::duration;

/// Bars in a decade of a distribution.
const BARS: i64 = 10;
/// Days with a bar of their own; of more, several are taken together.
const DAYS: i64 = 120;
/// Moments that a scale of time shows.
const MOMENTS: [(f64, &str); 18] = [
    (1.0, "1 s"),
    (10.0, "10 s"),
    (60.0, "1 min"),
    (600.0, "10 min"),
    (1800.0, "30 min"),
    (3600.0, "1 h"),
    (10_800.0, "3 h"),
    (21_600.0, "6 h"),
    (43_200.0, "12 h"),
    (86_400.0, "1 d"),
    (172_800.0, "2 d"),
    (345_600.0, "4 d"),
    (604_800.0, "7 d"),
    (1_209_600.0, "14 d"),
    (2_592_000.0, "30 d"),
    (7_776_000.0, "90 d"),
    (31_536_000.0, "1 y"),
    (315_360_000.0, "10 y"),
];

/// Where a bin begins.
fn begin(bin: i64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "some hundred bins")]
    let bin = bin as f64;
    10_f64.powf(bin / f64::from(BINS))
}

/// The value that a share of all lies below, within the width of a bin (5 %); None when there is none.
pub fn quantile(bins: &[Bin], share: f64) -> Option<f64> {
    let all: i64 = bins.iter().map(|bin| bin.n).sum();
    let mut left = share * count(all);
    let found = bins.iter().find(|bin| {
        left -= count(bin.n);
        left <= 0.0
    });
    found.or(bins.last()).map(|bin| (begin(bin.bin) * begin(bin.bin + 1)).sqrt())
}

#[expect(clippy::cast_precision_loss, reason = "for show")]
fn count(n: i64) -> f64 {
    n as f64
}

/// A distribution of lengths of time, on a logarithmic scale.
fn times(title: &str, bins: &[Bin], of: &str) -> Plot {
    let coarse = |bin: i64| bin.div_euclid(i64::from(BINS) / BARS);
    let (Some(first), Some(last)) = (bins.first(), bins.last()) else {
        return Plot {
            title: title.to_owned(),
            description: "There is nothing to show yet.".to_owned(),
            x: "time".to_owned(),
            y: of.to_owned(),
            ..Plot::default()
        };
    };
    let (first, last) = (coarse(first.bin) - 1, coarse(last.bin) + 1);
    let mut bars = Vec::new();
    for bar in first..=last {
        let n: i64 = bins.iter().filter(|bin| coarse(bin.bin) == bar).map(|bin| bin.n).sum();
        let (from, to) = (begin(bar * 5), begin((bar + 1) * 5));
        bars.push(Bar { label: format!("{} to {}", duration(from), duration(to)), values: vec![count(n)] });
    }
    let place = |seconds: f64| seconds.log10() * count(BARS) - count(first);
    let width = count(last - first + 1);
    let mut ticks: Vec<(f64, String)> = MOMENTS
        .iter()
        .map(|(seconds, label)| (place(*seconds), (*label).to_owned()))
        .filter(|(at, _)| (0.0..=width).contains(at))
        .collect();
    // Labels must not touch: a twelfth of the width for each.
    let mut free = f64::NEG_INFINITY;
    ticks.retain(|(at, _)| {
        let fits = *at >= free;
        if fits {
            free = at + width / 12.0;
        }
        fits
    });
    if ticks.len() < 2 {
        ticks =
            [0.0, width].map(|at| (at, duration(begin(first * 5) * 10_f64.powf(at / count(BARS))))).to_vec();
    }
    let all: i64 = bins.iter().map(|bin| bin.n).sum();
    let told = |share| quantile(bins, share).map_or_else(String::new, duration);
    Plot {
        title: title.to_owned(),
        description: format!(
            "Distribution of {all} {of}: half of them below {}, nine of ten below {}.",
            told(0.5),
            told(0.9)
        ),
        x: "time, logarithmic scale".to_owned(),
        y: of.to_owned(),
        parts: vec![of.to_owned()],
        bars,
        ticks,
        line: None,
    }
}

/// From sending to report.
pub fn turnaround(facts: &CampaignFacts) -> Plot {
    times("Turnaround: from sending to report", &facts.turnaround, "results")
}

/// Uptime of valid results.
pub fn uptime(facts: &CampaignFacts) -> Plot {
    let title = if facts.uptime_is_claimed {
        "Uptime of the virtual machines, as their messages said"
    } else {
        "Run time of the tasks, as clients said"
    };
    times(title, &facts.uptime, "valid results")
}

/// Results by the day of their report.
pub fn days(facts: &CampaignFacts) -> Plot {
    let parts = ["valid", "invalid", "error", "other"];
    let part = |kind: &str| parts.iter().position(|name| *name == kind).unwrap_or(3);
    let first = facts.days.iter().map(|day| day.day).min().unwrap_or(0);
    let last = facts.days.iter().map(|day| day.day).max().unwrap_or(-1);
    // A clock that was wrong must not make a plot of a million bars.
    let each = ((last - first) / DAYS + 1).max(1);
    let mut bars: Vec<Bar> = Vec::new();
    for n in 0..=(last - first).div_euclid(each) {
        let from = first + n * each;
        let label =
            if each == 1 { day_text(from) } else { format!("{} and {} more days", day_text(from), each - 1) };
        bars.push(Bar { label, values: vec![0.0; parts.len()] });
    }
    for day in &facts.days {
        let bar = usize::try_from((day.day - first).div_euclid(each)).ok().and_then(|n| bars.get_mut(n));
        if let Some(value) = bar.and_then(|bar| bar.values.get_mut(part(&day.kind))) {
            *value += count(day.results);
        }
    }
    let sum = |name: &str| -> f64 { bars.iter().filter_map(|bar| bar.values.get(part(name))).sum() };
    let description = if bars.is_empty() {
        "No result was reported yet.".to_owned()
    } else {
        format!(
            "From {} to {}: {} valid, {} invalid, {} errors, {} others.",
            day_text(first),
            day_text(last),
            sum("valid"),
            sum("invalid"),
            sum("error"),
            sum("other")
        )
    };
    let step = bars.len().div_ceil(7).max(1);
    let ticks = (0..bars.len())
        .step_by(step)
        .map(|n| (half(n), day_text(first + i64::try_from(n).unwrap_or(0) * each)))
        .collect();
    let y = if each == 1 { "results per day".to_owned() } else { format!("results per {each} days") };
    Plot {
        title: "Results by the day of their report".to_owned(),
        description,
        x: "day (UTC)".to_owned(),
        y,
        parts: parts.map(str::to_owned).to_vec(),
        bars,
        ticks,
        line: None,
    }
}

#[expect(clippy::cast_precision_loss, reason = "some hundred bars")]
fn half(n: usize) -> f64 {
    n as f64 + 0.5
}

/// The largest deviation in each column.
pub fn columns(facts: &CampaignFacts) -> Plot {
    let bars: Vec<Bar> = facts
        .columns
        .iter()
        .map(|row| Bar {
            label: format!("{}, column {}, {} results", row.file, row.column, row.results),
            values: vec![row.largest],
        })
        .collect();
    let room = if bars.len() > 8 { 7 } else { 16 };
    let ticks = facts
        .columns
        .iter()
        .enumerate()
        .map(|(n, row)| {
            let label = format!("column {}", row.column);
            let label =
                if label.chars().count() > room { row.column.chars().take(room).collect() } else { label };
            (half(n), label)
        })
        .collect();
    let worst = facts.columns.first().map_or_else(
        || "No valid result deviates from the one that it was compared with.".to_owned(),
        |row| {
            format!(
                "The largest deviation of a valid result is {} of the tolerance, in column {} of {}.",
                short(row.largest),
                row.column,
                row.file
            )
        },
    );
    Plot {
        title: "Largest deviation among valid results, by column".to_owned(),
        description: worst,
        x: "column of the output".to_owned(),
        y: "deviation (tolerances)".to_owned(),
        parts: vec!["deviation".to_owned()],
        line: (!bars.is_empty()).then(|| (1.0, "the tolerance".to_owned())),
        bars,
        ticks,
    }
}

/// All plots with the names of their files.
pub fn all(facts: &CampaignFacts) -> [(&'static str, Plot); 4] {
    [
        ("days", days(facts)),
        ("turnaround", turnaround(facts)),
        ("uptime", uptime(facts)),
        ("deviation", columns(facts)),
    ]
}

#[cfg(test)]
mod tests {
    use store::campaign_view::Day;

    use super::*;

    #[test]
    fn quantiles_are_within_a_bin() {
        let bins: Vec<Bin> = [(100.0_f64, 50), (1000.0, 40), (10_000.0, 10)]
            .map(|(x, n)| Bin { bin: (x.log10() * f64::from(BINS)).floor() as i64, n })
            .to_vec();
        for (share, value) in [(0.1, 100.0), (0.5, 100.0), (0.51, 1000.0), (0.9, 1000.0), (1.0, 10_000.0)] {
            let found = quantile(&bins, share).unwrap();
            assert!((found / value - 1.0).abs() < 0.05, "{share}: {found}");
        }
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn every_result_is_in_a_bar() {
        let day = |day, kind: &str, results| Day { day, kind: kind.to_owned(), results };
        for last in [20_001, 20_700, 2_000_000] {
            let days_of = vec![day(20_000, "valid", 5), day(20_000, "no reply", 1), day(last, "invalid", 2)];
            let plot = days(&CampaignFacts { days: days_of, ..CampaignFacts::default() });
            assert!(plot.bars.len() <= 125, "{}", plot.bars.len());
            let all: f64 = plot.bars.iter().flat_map(|bar| &bar.values).sum();
            assert!((all - 8.0).abs() < 1e-9, "{plot:?}");
        }
        let bins = vec![Bin { bin: 0, n: 3 }, Bin { bin: 247, n: 4 }];
        let plot = turnaround(&CampaignFacts { turnaround: bins, ..CampaignFacts::default() });
        assert!((plot.bars.iter().flat_map(|bar| &bar.values).sum::<f64>() - 7.0).abs() < 1e-9);
        assert!(plot.ticks.iter().any(|(_, label)| label.ends_with(" h")), "{:?}", plot.ticks);
        assert!(days(&CampaignFacts::default()).bars.is_empty());
    }
}
