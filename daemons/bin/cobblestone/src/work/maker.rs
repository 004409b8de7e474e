//! From the draft of a job to its row: reads the input template (each once) and looks at the input files, which must lie in
//! the download folder. One that lies at its top is copied to its place, and `.md5` files are read or written, as stock
//! does; with `--dry_run` nothing is written.

use std::collections::{HashMap, HashSet};
use std::io::Read as _;
use std::rc::Rc;

use boinc::download_dir::{DownloadDir, Looking};
use boinc::id::AppId;
use boinc::input_template::{
    Assignment, CreateError, Download, FileFacts, FileFault, InputFiles, NewWorkunit, Remembered,
    new_workunit,
};
use boinc::printable::printable;
use campaign::Refusal;
use daemon::{Clock, ProjectDir};

use super::order::Draft;

/// Bytes of a template that are read. Longer ones are refused when the row is made.
const LONGEST_TEMPLATE: u64 = 65_536;
/// Templates that are remembered.
const TEMPLATES: usize = 1000;
/// Notes that are remembered, so that none is told twice.
const NOTES: usize = 1000;

/// A workunit that can be inserted.
#[derive(Debug, Clone)]
pub struct Ready {
    /// Its line of standard input; 0 = there are none.
    pub line: u64,
    /// Its row.
    pub row: NewWorkunit,
    /// For whom it is.
    pub target: Assignment,
}

/// What [`Maker::make`] made.
#[derive(Debug)]
pub struct Made {
    /// The workunit.
    pub ready: Ready,
    /// What stock would have written to stderr although it succeeded.
    pub notes: Vec<String>,
    /// Its input template was read for it.
    pub is_first_of_template: bool,
}

/// Why a job has no workunit.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// A value that can't be used.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// Template, files and values don't make a workunit.
    #[error(transparent)]
    Create(#[from] CreateError),
    /// The input template.
    #[error(
        "can't read the input template {path}: {reason}; write it, or name another one with --wu_template"
    )]
    Template {
        /// Where it was looked for.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// Found when it was to be inserted.
    #[error("{0}")]
    Database(String),
}

impl Fault {
    /// What stock writes to stderr, if it refuses it, too.
    pub fn stock_lines(&self) -> Vec<String> {
        match self {
            Self::Create(error) if !error.fault.is_beyond_stock() => error.stderr_lines(),
            _ => Vec::new(),
        }
    }
}

/// The download folder.
enum Files {
    Writing(DownloadDir),
    Looking(Looking),
}

/// See the module.
pub struct Maker<'a> {
    project: &'a ProjectDir,
    clock: &'a Clock,
    app: AppId,
    files: Remembered<Files>,
    templates: HashMap<String, Rc<[u8]>>,
    told: HashSet<String>,
    /// The last template was read for the first time.
    is_new: bool,
}

impl<'a> Maker<'a> {
    /// For jobs of `app`.
    pub fn new(project: &'a ProjectDir, clock: &'a Clock, app: AppId, dry_run: bool) -> Self {
        let download = project.download();
        let files = if dry_run { Files::Looking(Looking(download)) } else { Files::Writing(download) };
        Self {
            project,
            clock,
            app,
            files: Remembered::new(files, []),
            templates: HashMap::new(),
            told: HashSet::new(),
            is_new: false,
        }
    }

    /// Makes the row.
    ///
    /// # Errors
    /// It can't be made.
    pub fn make(&mut self, line: u64, draft: &Draft) -> Result<Made, Fault> {
        let template = self.template(&draft.template)?;
        let download = Download::from(&self.project.config);
        let now = self.clock.now_i32();
        let created = new_workunit(&template, &draft.job, self.app, now, download, &mut self.files)?;
        let ready = Ready { line, row: created.workunit, target: draft.job.assignment };
        Ok(Made { ready, notes: created.notes, is_first_of_template: std::mem::take(&mut self.is_new) })
    }

    /// Whether this is worth telling: it was not told yet.
    pub fn is_news(&mut self, note: &str) -> bool {
        self.told.len() < NOTES && self.told.insert(note.to_owned())
    }

    fn template(&mut self, path: &str) -> Result<Rc<[u8]>, Fault> {
        if let Some(template) = self.templates.get(path) {
            return Ok(Rc::clone(template));
        }
        let full = self.project.root.join(path);
        let refuse =
            |reason: String| Fault::Template { path: printable(&full.display().to_string(), 200), reason };
        let about = std::fs::metadata(&full).map_err(|error| refuse(error.to_string()))?;
        if !about.is_file() {
            return Err(refuse("it is no file".to_owned()));
        }
        let mut bytes = Vec::new();
        std::fs::File::open(&full)
            .and_then(|file| file.take(LONGEST_TEMPLATE).read_to_end(&mut bytes))
            .map_err(|error| refuse(error.to_string()))?;
        if self.templates.len() >= TEMPLATES {
            self.templates.clear();
        }
        let template: Rc<[u8]> = bytes.into();
        self.templates.insert(path.to_owned(), Rc::clone(&template));
        self.is_new = true;
        Ok(template)
    }
}

impl Files {
    fn files(&mut self) -> &mut dyn InputFiles {
        match self {
            Self::Writing(files) => files,
            Self::Looking(files) => files,
        }
    }
}

impl InputFiles for Files {
    fn staged(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        self.files().staged(name, notes)
    }

    fn constant(&mut self, name: &str, notes: &mut Vec<String>) -> Result<FileFacts, FileFault> {
        self.files().constant(name, notes)
    }

    fn gzipped_nbytes(&mut self, name: &str) -> Result<u64, FileFault> {
        self.files().gzipped_nbytes(name)
    }

    fn output_template(&mut self, path: &str) -> Result<(), FileFault> {
        self.files().output_template(path)
    }
}
