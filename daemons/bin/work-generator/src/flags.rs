//! Flags that stock's work generators have, in place of keys of `[work]`. Campaigns that say otherwise in their own files
//! keep what they say.

use app_config::Work;
use boinc::input_template::MAX_RESULT_TEMPLATE_FILE;

/// Most results that are kept unsent, as in `[work]`.
const LARGEST_CUSHION: u64 = 1_000_000;

/// See the module.
#[derive(Debug, Clone, Default, PartialEq, Eq, clap::Args)]
pub struct GeneratorArgs {
    /// Input template in templates/, in place of `input_template` of `[work]`
    #[arg(long = "in_template_file", value_name = "FILE", value_parser = template)]
    pub in_template_file: Option<String>,
    /// Output template in templates/, in place of `output_template` of `[work]`
    #[arg(long = "out_template_file", value_name = "FILE", value_parser = template)]
    pub out_template_file: Option<String>,
    /// Keep so many results unsent, in place of `cushion` of `[work]`
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=LARGEST_CUSHION))]
    pub cushion: Option<u64>,
}

impl GeneratorArgs {
    /// What is wanted with these flags.
    pub fn over(&self, mut work: Work) -> Work {
        if let Some(path) = &self.in_template_file {
            work.input_template.clone_from(path);
        }
        if let Some(path) = &self.out_template_file {
            work.output_template.clone_from(path);
        }
        if let Some(cushion) = self.cushion {
            work.cushion = cushion;
            // A mark above the cushion means nothing.
            work.refill_below = work.refill_below.min(cushion);
        }
        work
    }
}

/// As stock: the name counts from templates/.
fn template(name: &str) -> Result<String, String> {
    let path = format!("templates/{name}");
    let good = |part: &str| !part.is_empty() && part != "." && part != "..";
    if !name.split('/').all(good) || name.chars().any(char::is_control) {
        return Err("a file below templates/ of the project, e.g. theory_in".to_owned());
    }
    if path.len() > MAX_RESULT_TEMPLATE_FILE {
        return Err(format!(
            "with templates/ it has {} bytes, at most {MAX_RESULT_TEMPLATE_FILE} fit",
            path.len()
        ));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_work() {
        let work = Work { cushion: 500, refill_below: 100, ..Work::of("a") };
        assert_eq!(GeneratorArgs::default().over(work.clone()), work);
        let args = GeneratorArgs {
            in_template_file: Some(template("x_in").unwrap()),
            out_template_file: Some(template("old/x_out").unwrap()),
            cushion: Some(50),
        };
        let over = args.over(work);
        assert_eq!(
            (over.input_template.as_str(), over.output_template.as_str()),
            ("templates/x_in", "templates/old/x_out")
        );
        assert_eq!((over.cushion, over.refill_below), (50, 50));
    }

    #[test]
    fn templates_stay_below_their_folder() {
        for bad in ["", "../config.xml", "/etc/passwd", "a//b", "a/./b", "a\n", &"x".repeat(60)] {
            assert!(template(bad).is_err(), "{bad:?}");
        }
    }
}
