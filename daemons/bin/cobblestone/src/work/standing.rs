//! What is made and how to go on, in words. Pure.

use super::order::Order;

/// Lines that are named one by one.
const NAMED: usize = 20;

/// What is made so far.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    /// Workunits.
    pub made: u64,
    /// Nothing is written.
    pub dry_run: bool,
    /// The first line that was wanted.
    pub first: u64,
    /// The first lines that have no workunit.
    pub failed: Vec<u64>,
    /// How many they are.
    pub failures: u64,
    /// `--wu_name BASE`, if that has to be said to go on.
    pub name: Option<String>,
}

/// How to go on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// All lines were read.
    Nothing,
    /// This line can't be made, and what follows was not looked at.
    Mend(u64),
    /// These lines have workunits already; the last one is the last of all.
    MadeBefore(u64, u64, bool),
    /// The database failed when these lines were inserted.
    Failed(u64, u64),
    /// The same, and nobody knows whether they have workunits.
    Unknown(u64, u64),
}

impl Standing {
    /// Nothing is made yet.
    pub fn new(order: &Order) -> Self {
        Self {
            dry_run: order.how.dry_run,
            first: order.how.from_line.unwrap_or(1),
            name: order.is_named_by_us.then(|| order.base_name().to_owned()),
            ..Self::default()
        }
    }

    /// A line has no workunit.
    pub fn fail(&mut self, line: u64) {
        self.failures += 1;
        if self.failed.len() < NAMED {
            self.failed.push(line);
        }
    }

    fn count(&self) -> String {
        let workunits = if self.made == 1 { "workunit" } else { "workunits" };
        match (self.made, self.dry_run) {
            (0, false) => "no workunit was made".to_owned(),
            (made, false) => format!("{made} {workunits} made"),
            (made, true) => format!("{made} {workunits} could be made; nothing was written"),
        }
    }

    /// In words.
    pub fn words(&self, next: Next) -> String {
        let mut words = self.count();
        let before = |line: u64| {
            if self.made == 0 {
                String::new()
            } else {
                format!(", of lines {} to {}", self.first, line.saturating_sub(1))
            }
        };
        match next {
            Next::Nothing => {}
            Next::Mend(line) => {
                words.push_str(&format!(
                    "{}; nothing of line {line} and of those after it. Mend it, then go on: {}",
                    before(line),
                    self.go_on(line)
                ));
            }
            Next::MadeBefore(from, to, is_last) => {
                let rest = if is_last {
                    "nothing is left to do".to_owned()
                } else {
                    format!("go on: {}", self.go_on(to.saturating_add(1)))
                };
                words.push_str(&format!(
                    "{}; nothing of line {from} and of those after it. Lines {from} to {to} have workunits of these names \
                     already: if an earlier run of the same lines made them, {rest}",
                    before(from)
                ));
            }
            Next::Failed(from, to) => words.push_str(&format!(
                "{}; nothing of lines {from} to {to} and of those after them. When the database is well, go on: {}",
                before(from),
                self.go_on(from)
            )),
            Next::Unknown(from, to) => words.push_str(&format!(
                "{}; nothing of the lines after {to}. The connection was lost while lines {from} to {to} were inserted: they have \
                 workunits all or none. When the database is well, go on: {}; it says so if they have",
                before(from),
                self.go_on(from)
            )),
        }
        if self.failures > 0 {
            let listed: Vec<String> = self.failed.iter().map(ToString::to_string).collect();
            let more = if self.failures > listed.len() as u64 { " …" } else { "" };
            let have = if self.failures == 1 { "line has" } else { "lines have" };
            words.push_str(&format!(
                "; {} {have} none: {}{more}. Mend and give them alone, each with a --wu_name of its own",
                self.failures,
                listed.join(", ")
            ));
        }
        words
    }

    fn go_on(&self, line: u64) -> String {
        match &self.name {
            Some(name) => format!("the same command and lines with --wu_name {name} --from_line {line}"),
            None => format!("the same command and lines with --from_line {line}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(made: u64) -> Standing {
        Standing { made, first: 1, ..Standing::default() }
    }

    #[test]
    fn what_stands_and_how_to_go_on() {
        assert_eq!(standing(3).words(Next::Nothing), "3 workunits made");
        assert_eq!(
            standing(3).words(Next::Mend(4)),
            "3 workunits made, of lines 1 to 3; nothing of line 4 and of those after it. Mend it, then go on: the same command and \
             lines with --from_line 4"
        );
        assert!(standing(0).words(Next::Mend(1)).starts_with("no workunit was made; nothing of line 1"));
        let named = Standing { name: Some("b".into()), first: 5, ..standing(1) };
        assert!(named.words(Next::Mend(6)).contains("of lines 5 to 5"));
        assert!(named.words(Next::Mend(6)).ends_with("--wu_name b --from_line 6"));
        assert!(standing(0).words(Next::MadeBefore(1, 9, false)).ends_with("--from_line 10"));
        assert!(standing(0).words(Next::MadeBefore(1, 9, true)).ends_with("nothing is left to do"));
        assert!(standing(4).words(Next::Unknown(5, 8)).contains("all or none"));
    }

    #[test]
    fn lines_that_were_passed_over_are_named() {
        let mut standing = standing(1);
        for line in 1..=30 {
            standing.fail(line);
        }
        let words = standing.words(Next::Nothing);
        assert!(words.contains("; 30 lines have none: 1, 2, 3,") && words.contains("20 …. Mend"), "{words}");
    }
}
