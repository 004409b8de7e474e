//! Reading the template and writing the document.

use super::MAX_DOCUMENT;
use super::checks::check;
use super::fault::{CreateError, Fault};
use super::files::InputFiles;
use super::job::{Created, Download, InputFile, JobDescription, NewWorkunit};
use crate::dialect::{Malformed, NAME_ROOM, Reader, escape};
use crate::hierarchy::url_in;
use crate::id::AppId;
use crate::printable::printable;

/// Longest template that stock reads.
const MAX_TEMPLATE: usize = 65_535;
/// Longest line that stock makes of `sub_appname`.
const MAX_ADDITIONAL_XML: usize = 255;

/// Makes the row of a new workunit of `app` from the input template's bytes and the job.
///
/// `now`, Unix seconds, becomes `create_time`, and `transition_time` unless the job is assigned.
///
/// # Errors
/// The first fault in stock's order. [`CreateError::stderr_lines`] has stock's words, its Display says what to do.
pub fn new_workunit(
    template: &[u8],
    job: &JobDescription,
    app: AppId,
    now: i32,
    download: Download<'_>,
    files: &mut dyn InputFiles,
) -> Result<Created, CreateError> {
    let mut builder = Builder {
        job,
        download,
        files,
        row: NewWorkunit::from_job(job, app, now),
        notes: Vec::new(),
        out: Vec::new(),
        names: Vec::new(),
        taken: 0,
    };
    match builder.build(template) {
        Ok(()) => Ok(Created { workunit: builder.row, notes: builder.notes }),
        Err(fault) => Err(CreateError { name: job.name.clone(), fault, notes: builder.notes }),
    }
}

impl From<Malformed> for Fault {
    fn from(_: Malformed) -> Self {
        Self::Malformed
    }
}

struct Builder<'a> {
    job: &'a JobDescription,
    download: Download<'a>,
    files: &'a mut dyn InputFiles,
    row: NewWorkunit,
    notes: Vec<String>,
    out: Vec<u8>,
    /// Physical names of all files so far, in the order of the `<file_info>`s.
    names: Vec<Vec<u8>>,
    /// How many of the job's files have been taken.
    taken: usize,
}

/// What a `<file_info>` says.
struct FileInfo {
    gzip: bool,
    physical_name: Vec<u8>,
    urls: Vec<Vec<u8>>,
    md5: Vec<u8>,
    nbytes: f64,
    gzipped_nbytes: f64,
}

impl Builder<'_> {
    fn build(&mut self, template: &[u8]) -> Result<(), Fault> {
        if template.len() > MAX_TEMPLATE {
            return Err(Fault::TemplateTooLong { bytes: template.len(), max: MAX_TEMPLATE });
        }
        let additional_xml = self.additional_xml()?;
        let mut reader = Reader::new(template);
        let mut found = false;
        while reader.next() {
            if !reader.is_tag() {
                continue;
            }
            if reader.at("file_info") {
                self.file_info(&mut reader)?;
            } else if reader.at("workunit") {
                found = true;
                self.workunit(&mut reader, &additional_xml)?;
            }
        }
        if !found {
            return Err(Fault::NoWorkunit);
        }
        let given = self.job.input_files.len();
        if self.taken != given {
            return Err(Fault::FileCount { given, taken: self.taken });
        }
        if self.out.len() > MAX_DOCUMENT {
            return Err(Fault::DocumentTooLong { bytes: self.out.len(), max: MAX_DOCUMENT });
        }
        self.row.xml_doc = std::mem::take(&mut self.out);
        check(&self.row, self.files)
    }

    fn file_info(&mut self, reader: &mut Reader<'_>) -> Result<(), Fault> {
        let mut info = FileInfo {
            gzip: false,
            physical_name: Vec::new(),
            urls: Vec::new(),
            md5: Vec::new(),
            nbytes: -1.0,
            gzipped_nbytes: 0.0,
        };
        self.put("<file_info>\n");
        while reader.next() {
            if let Some(gzip) = reader.boolean("gzip") {
                info.gzip = gzip;
            } else if reader.text_into("physical_name", NAME_ROOM, &mut info.physical_name) {
            } else if let Some(url) = reader.text("url") {
                info.urls.push(url);
            } else if reader.integer("number").is_some() {
                // Files are taken in order, whatever their numbers.
            } else if let Some(md5) = reader.text("md5_cksum") {
                info.md5 = md5;
            } else if let Some(nbytes) = reader.double("nbytes") {
                info.nbytes = nbytes;
            } else if let Some(nbytes) = reader.double("gzipped_nbytes") {
                info.gzipped_nbytes = nbytes;
            } else if reader.at("/file_info") {
                self.file(&info)?;
                self.put("</file_info>\n");
                break;
            } else {
                let copied = reader.copy_element()?;
                self.line(&copied);
            }
        }
        Ok(())
    }

    /// The end of a `<file_info>`: which of the four kinds of file it is, and its lines.
    fn file(&mut self, info: &FileInfo) -> Result<(), Fault> {
        if !info.physical_name.is_empty() {
            return self.constant_file(&info.physical_name);
        }
        let Some(file) = self.job.input_files.get(self.taken) else {
            return Err(Fault::TooFewFiles { need: self.taken + 1 });
        };
        if info.nbytes > 0.0 {
            self.file_described_in_template(info, file)?;
        } else {
            match file {
                InputFile::Remote { url, nbytes, md5 } => {
                    let name = format!("jf_{md5}");
                    self.text_element("name", name.as_bytes());
                    self.text_element("url", url.as_bytes());
                    self.text_element("md5_cksum", md5.as_bytes());
                    self.text_element("nbytes", format!("{nbytes:.0}").as_bytes());
                    self.names.push(name.into_bytes());
                }
                InputFile::Staged { name } => self.staged_file(name, info.gzip)?,
            }
        }
        self.taken += 1;
        Ok(())
    }

    fn constant_file(&mut self, name: &[u8]) -> Result<(), Fault> {
        let Ok(name) = std::str::from_utf8(name) else {
            let text = printable(&String::from_utf8_lossy(name), 80);
            return Err(Fault::NotUtf8 { what: "physical name", text });
        };
        let url = self.url(name)?;
        let facts = self
            .files
            .constant(name, &mut self.notes)
            .map_err(|_| Fault::NoMd5File { name: name.to_owned() })?;
        self.text_element("name", name.as_bytes());
        self.text_element("url", url.as_bytes());
        self.text_element("md5_cksum", facts.md5.as_bytes());
        self.text_element("nbytes", facts.nbytes.to_string().as_bytes());
        self.names.push(name.into());
        Ok(())
    }

    fn file_described_in_template(&mut self, info: &FileInfo, file: &InputFile) -> Result<(), Fault> {
        if info.md5.is_empty() || info.urls.last().is_none_or(Vec::is_empty) {
            return Err(Fault::IncompleteRemote);
        }
        if info.gzip && info.gzipped_nbytes == 0.0 {
            return Err(Fault::NoGzippedSize);
        }
        let InputFile::Staged { name } = file else {
            return Err(Fault::RemoteTwice);
        };
        self.text_element("name", name.as_bytes());
        for url in &info.urls {
            let url = [url, name.as_bytes()].concat();
            self.text_element("url", &url);
            if info.gzip {
                self.text_element("gzipped_url", &[&url, b".gz".as_slice()].concat());
            }
        }
        self.text_element("md5_cksum", &info.md5);
        self.text_element("nbytes", format!("{:.0}", info.nbytes).as_bytes());
        if info.gzip {
            self.text_element("gzipped_nbytes", format!("{:.0}", info.gzipped_nbytes).as_bytes());
        }
        self.names.push(name.clone().into_bytes());
        Ok(())
    }

    fn staged_file(&mut self, name: &str, gzip: bool) -> Result<(), Fault> {
        let url = self.url(name)?;
        let facts = self.files.staged(name, &mut self.notes).map_err(super::FileFault::of_staged)?;
        let gzipped = if gzip {
            let missing = |fault: super::FileFault| Fault::NoGzipFile { path: fault.into_path() };
            Some(self.files.gzipped_nbytes(name).map_err(missing)?)
        } else {
            None
        };
        self.text_element("name", name.as_bytes());
        self.text_element("url", url.as_bytes());
        if let Some(nbytes) = gzipped {
            self.text_element("gzipped_url", format!("{url}.gz").as_bytes());
            self.text_element("gzipped_nbytes", nbytes.to_string().as_bytes());
        }
        self.text_element("md5_cksum", facts.md5.as_bytes());
        self.text_element("nbytes", facts.nbytes.to_string().as_bytes());
        self.names.push(name.into());
        Ok(())
    }

    fn workunit(&mut self, reader: &mut Reader<'_>, additional_xml: &[u8]) -> Result<(), Fault> {
        self.put("<workunit>\n");
        self.command_line(self.job.command_line.as_bytes());
        let mut refs = 0;
        while reader.next() {
            if reader.at("/workunit") {
                if !additional_xml.is_empty() {
                    self.line(additional_xml);
                }
                self.put("</workunit>");
                break;
            } else if reader.at("file_ref") {
                let Some(name) = self.names.get(refs).cloned() else {
                    return Err(Fault::TooManyRefs);
                };
                self.file_ref(reader, &name)?;
                refs += 1;
            } else if let Some(text) = reader.text("command_line") {
                if !self.job.command_line.is_empty() {
                    return Err(Fault::TwoCommandLines {
                        template: String::from_utf8_lossy(&text).into_owned(),
                        job: self.job.command_line.clone(),
                    });
                }
                self.command_line(&text);
            } else if !self.parameter(reader) {
                let copied = reader.copy_element()?;
                self.line(&copied);
            }
        }
        let row = &mut self.row;
        self.job.overrides.apply(row);
        row.max_success_results = row.max_success_results.max(row.target_nresults);
        row.max_total_results = row.max_total_results.max(row.target_nresults);
        if refs == self.names.len() { Ok(()) } else { Err(Fault::RefCount) }
    }

    /// An element of `<workunit>` that sets a column.
    fn parameter(&mut self, reader: &mut Reader<'_>) -> bool {
        let row = &mut self.row;
        let doubles = [
            ("rsc_fpops_est", &mut row.rsc_fpops_est),
            ("rsc_fpops_bound", &mut row.rsc_fpops_bound),
            ("rsc_memory_bound", &mut row.rsc_memory_bound),
            ("rsc_bandwidth_bound", &mut row.rsc_bandwidth_bound),
            ("rsc_disk_bound", &mut row.rsc_disk_bound),
        ];
        for (name, column) in doubles {
            if let Some(value) = reader.double(name) {
                *column = value;
                return true;
            }
        }
        let integers = [
            ("batch", &mut row.batch),
            ("delay_bound", &mut row.delay_bound),
            ("min_quorum", &mut row.min_quorum),
            ("target_nresults", &mut row.target_nresults),
            ("max_error_results", &mut row.max_error_results),
            ("max_total_results", &mut row.max_total_results),
            ("max_success_results", &mut row.max_success_results),
            ("size_class", &mut row.size_class),
        ];
        for (name, column) in integers {
            if let Some(value) = reader.integer(name) {
                *column = value;
                return true;
            }
        }
        false
    }

    fn file_ref(&mut self, reader: &mut Reader<'_>, name: &[u8]) -> Result<(), Fault> {
        self.put("<file_ref>\n");
        self.text_element("file_name", name);
        let (mut found_open_name, mut found_copy_file) = (false, false);
        let mut open_name = Vec::new();
        while reader.next() {
            if reader.text_into("open_name", NAME_ROOM, &mut open_name) {
                self.text_element("open_name", &open_name);
                found_open_name = true;
            } else if reader.integer("file_number").is_some() {
                // Files are referred to in order, whatever their numbers.
            } else if reader.at("copy_file/") {
                self.put("    <copy_file/>\n");
                found_copy_file = true;
            } else if reader.at("/file_ref") {
                if !found_open_name {
                    if !found_copy_file {
                        return Err(Fault::NoOpenName);
                    }
                    self.text_element("open_name", name);
                }
                self.put("</file_ref>\n");
                break;
            } else if reader.text("file_name").is_some() {
                self.notes.push("<file_name> ignored in <file_ref> element.".to_owned());
            } else {
                let copied = reader.copy_element()?;
                self.line(&copied);
            }
        }
        Ok(())
    }

    /// `   <sub_appname>…</sub_appname>`, or nothing.
    fn additional_xml(&self) -> Result<Vec<u8>, Fault> {
        if self.job.sub_appname.is_empty() {
            return Ok(Vec::new());
        }
        let mut text = b"   <sub_appname>".to_vec();
        text.extend(escape(&self.job.sub_appname));
        text.extend_from_slice(b"</sub_appname>");
        if text.len() > MAX_ADDITIONAL_XML {
            let length = self.job.sub_appname.chars().count();
            let max = MAX_ADDITIONAL_XML - "   <sub_appname></sub_appname>".len();
            return Err(Fault::ColumnTooLong { column: "sub_appname", length, max });
        }
        Ok(text)
    }

    fn url(&self, name: &str) -> Result<String, Fault> {
        url_in(self.download.url, name, self.download.fanout)
            .map_err(|error| Fault::Name { what: "input file", error })
    }

    fn command_line(&mut self, text: &[u8]) {
        self.put("<command_line>\n");
        self.line(text);
        self.put("</command_line>\n");
    }

    /// `    <name>text</name>`; the text is not escaped, as in stock.
    fn text_element(&mut self, name: &str, text: &[u8]) {
        self.put("    <");
        self.put(name);
        self.put(">");
        self.out.extend_from_slice(text);
        self.put("</");
        self.put(name);
        self.put(">\n");
    }

    fn line(&mut self, text: &[u8]) {
        self.out.extend_from_slice(text);
        self.out.push(b'\n');
    }

    fn put(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }
}
