//! Facts about files that are looked up once: for many jobs that share files.

use std::collections::{HashMap, HashSet};

use super::files::{FileFacts, FileFault, InputFiles};

/// Names that are remembered at most; those that come later are looked up each time.
const MOST: usize = 100_000;

/// See the module. What is missing or can't be read is not remembered.
#[derive(Debug, Clone)]
pub struct Remembered<F> {
    files: F,
    known: HashMap<String, FileFacts>,
    twins: HashMap<String, u64>,
    templates: HashSet<String>,
}

impl<F: InputFiles> Remembered<F> {
    /// Looks in `files`, but for what is `known`.
    pub fn new(files: F, known: impl IntoIterator<Item = (String, FileFacts)>) -> Self {
        Self { files, known: known.into_iter().collect(), twins: HashMap::new(), templates: HashSet::new() }
    }

    fn keep(&mut self, name: &str, facts: &FileFacts) {
        if self.known.len() < MOST {
            self.known.insert(name.to_owned(), facts.clone());
        }
    }
}

impl<F: InputFiles> InputFiles for Remembered<F> {
    fn staged(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        if let Some(facts) = self.known.get(name) {
            return Ok(facts.clone());
        }
        let facts = self.files.staged(name, notes)?;
        self.keep(name, &facts);
        Ok(facts)
    }

    fn constant(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        if let Some(facts) = self.known.get(name) {
            return Ok(facts.clone());
        }
        let facts = self.files.constant(name, notes)?;
        self.keep(name, &facts);
        Ok(facts)
    }

    fn gzipped_nbytes(&mut self, name: &str) -> Result<u64, FileFault> {
        if let Some(nbytes) = self.twins.get(name) {
            return Ok(*nbytes);
        }
        let nbytes = self.files.gzipped_nbytes(name)?;
        if self.twins.len() < MOST {
            self.twins.insert(name.to_owned(), nbytes);
        }
        Ok(nbytes)
    }

    fn output_template(&mut self, path: &str) -> Result<(), FileFault> {
        if self.templates.contains(path) {
            return Ok(());
        }
        self.files.output_template(path)?;
        if self.templates.len() < MOST {
            self.templates.insert(path.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input_template::KnownFiles;

    #[test]
    fn what_was_found_is_not_looked_up_again_and_what_was_not_is() {
        let mut files = KnownFiles::default();
        files.add("in", "x", 1);
        let own = FileFacts { md5: "own".into(), nbytes: 2 };
        let mut remembered = Remembered::new(files, [("mine".to_owned(), own.clone())]);
        assert_eq!(remembered.staged("mine", &mut Vec::new()), Ok(own));
        assert!(remembered.staged("late", &mut Vec::new()).is_err());
        remembered.files.add("late", "y", 3);
        assert_eq!(remembered.staged("late", &mut Vec::new()).unwrap().nbytes, 3);
        remembered.staged("in", &mut Vec::new()).unwrap();
        remembered.files.0.clear();
        assert_eq!(remembered.staged("in", &mut Vec::new()).unwrap().nbytes, 1);
        assert_eq!(remembered.constant("late", &mut Vec::new()).unwrap().nbytes, 3);
    }
}
