//! The project directory: where it is, its config.xml, and paths in it.
//!
//! `--project_dir`, else `BOINC_PROJECT_DIR`, else `.`, else `..`: whichever has a config.xml. One that was named
//! but has none is an error; nothing else is tried then. Daemons are started with bin/ as working directory, which
//! is why `..` is looked at.

use std::path::{Path, PathBuf};

use boinc::config::{ConfigError, ProjectConfig};
use boinc::download_dir::DownloadDir;
use boinc::hierarchy::{self, NameError};

/// Name of the file that stops all daemons of a project.
pub const STOP_FILE: &str = "stop_daemons";
/// Name of a project's configuration.
pub const CONFIG_FILE: &str = "config.xml";

/// A project and its configuration.
#[derive(Debug, Clone)]
pub struct ProjectDir {
    /// Absolute path, links resolved.
    pub root: PathBuf,
    /// What config.xml says. Its folders are absolute here: relative ones count from the project directory.
    pub config: ProjectConfig,
}

/// There is no usable project.
#[derive(Debug, thiserror::Error)]
pub enum ProjectError {
    /// A directory was named, and it is none.
    #[error("{named_by} names {}, but there is no {CONFIG_FILE} in it{reason}", .path.display())]
    Named {
        /// Flag or variable.
        named_by: &'static str,
        /// What it says.
        path: PathBuf,
        /// From the system, if it is more than "not found".
        reason: String,
    },
    /// Nothing was named, and nothing was found.
    #[error(
        "no {CONFIG_FILE} in {looked_at}; start this in a project directory or its bin/, \
         or name the directory with --project_dir or BOINC_PROJECT_DIR"
    )]
    NotFound {
        /// The working directory and its parent.
        looked_at: String,
    },
    /// The directory can't be entered.
    #[error("can't use the project directory {}: {error}", .path.display())]
    Directory {
        /// Which one.
        path: PathBuf,
        /// From the system.
        error: std::io::Error,
    },
    /// The file is there but can't be used.
    #[error("project {}: {error}", .root.display())]
    Config {
        /// The project directory.
        root: PathBuf,
        /// What is wrong with its config.xml.
        error: ConfigError,
    },
}

impl ProjectDir {
    /// Finds and reads the project. `flag` is `--project_dir`, `variable` is `BOINC_PROJECT_DIR`.
    ///
    /// # Errors
    /// [`ProjectError`] says what was looked at and what to do.
    pub fn find(flag: Option<&Path>, variable: Option<&Path>) -> Result<Self, ProjectError> {
        Self::open(&locate(flag, variable, Path::new("."))?)
    }

    /// Reads the project in `dir`.
    ///
    /// # Errors
    /// [`ProjectError::Directory`] or [`ProjectError::Config`].
    pub fn open(dir: &Path) -> Result<Self, ProjectError> {
        let root =
            dir.canonicalize().map_err(|error| ProjectError::Directory { path: dir.to_owned(), error })?;
        let mut config = match ProjectConfig::read(&root.join(CONFIG_FILE)) {
            Ok(config) => config,
            Err(error) => return Err(ProjectError::Config { root, error }),
        };
        config.download_dir = root.join(&config.download_dir);
        config.upload_dir = root.join(&config.upload_dir);
        config.key_dir = config.key_dir.map(|dir| root.join(dir));
        config.log_dir = config.log_dir.map(|dir| root.join(dir));
        Ok(Self { root, config })
    }

    /// The folder of input files, with its facts.
    #[must_use]
    pub fn download(&self) -> DownloadDir {
        DownloadDir::new(&self.config, &self.root)
    }

    /// Where the output file `name` lies. A name that would lead out of the folder is refused.
    ///
    /// # Errors
    /// It is no name of a file.
    pub fn upload_path(&self, name: &str) -> Result<PathBuf, NameError> {
        hierarchy::path_in(&self.config.upload_dir, name, self.config.uldl_dir_fanout)
    }

    /// The file that stops the project's daemons while it exists.
    #[must_use]
    pub fn stop_file(&self) -> PathBuf {
        self.root.join(STOP_FILE)
    }
}

/// The directory, not yet read. `here` is the working directory.
fn locate(flag: Option<&Path>, variable: Option<&Path>, here: &Path) -> Result<PathBuf, ProjectError> {
    let named = flag.map(|path| ("--project_dir", path));
    let named = named.or_else(|| variable.map(|path| ("BOINC_PROJECT_DIR", path)));
    if let Some((named_by, path)) = named {
        return match std::fs::metadata(path.join(CONFIG_FILE)) {
            Ok(found) if found.is_file() => Ok(path.to_owned()),
            other => Err(ProjectError::Named {
                named_by,
                path: path.to_owned(),
                reason: match other {
                    Err(error) if error.kind() != std::io::ErrorKind::NotFound => format!(" ({error})"),
                    _ => String::new(),
                },
            }),
        };
    }
    let candidates = [here.to_owned(), here.join("..")];
    if let Some(found) = candidates.iter().find(|dir| dir.join(CONFIG_FILE).is_file()) {
        return Ok(found.clone());
    }
    let names: Vec<String> = candidates
        .iter()
        .map(|dir| dir.canonicalize().unwrap_or_else(|_| dir.clone()).display().to_string())
        .collect();
    Err(ProjectError::NotFound { looked_at: names.join(" or ") })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for dir in ["project/bin", "other", "empty/bin"] {
            std::fs::create_dir_all(folder.path().join(dir)).unwrap();
        }
        for dir in ["project", "other"] {
            std::fs::write(folder.path().join(dir).join(CONFIG_FILE), "<boinc><config/></boinc>").unwrap();
        }
        folder
    }

    #[test]
    fn flag_then_variable_then_here_then_above() {
        let folder = tree();
        let (project, other, bin) =
            (folder.path().join("project"), folder.path().join("other"), folder.path().join("project/bin"));
        assert_eq!(locate(Some(&other), Some(&project), &bin).unwrap(), other);
        assert_eq!(locate(None, Some(&other), &bin).unwrap(), other);
        assert_eq!(locate(None, None, &project).unwrap(), project);
        assert_eq!(
            locate(None, None, &bin).unwrap().canonicalize().unwrap(),
            project.canonicalize().unwrap()
        );
    }

    #[test]
    fn a_named_directory_without_config_is_an_error_even_beside_a_good_one() {
        let folder = tree();
        let (project, empty) = (folder.path().join("project"), folder.path().join("empty"));
        for (flag, variable, name) in [
            (Some(empty.as_path()), Some(project.as_path()), "--project_dir"),
            (None, Some(empty.as_path()), "BOINC_PROJECT_DIR"),
        ] {
            let text = locate(flag, variable, &project).unwrap_err().to_string();
            assert!(text.contains(name) && text.contains("empty"), "{text}");
        }
    }

    #[test]
    fn nothing_found_says_where_it_was_sought() {
        let folder = tree();
        let text = locate(None, None, &folder.path().join("empty/bin")).unwrap_err().to_string();
        for words in ["empty/bin", "empty;", "--project_dir", "BOINC_PROJECT_DIR"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    }

    #[test]
    fn a_directory_called_config_xml_is_none() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(CONFIG_FILE)).unwrap();
        assert!(locate(Some(folder.path()), None, folder.path()).is_err());
        assert!(matches!(ProjectDir::open(folder.path()).unwrap_err(), ProjectError::Config { .. }));
    }

    #[test]
    fn folders_count_from_the_project_directory() {
        let folder = tempfile::tempdir().unwrap();
        let config = "<boinc><config><db_name>x</db_name><db_user>x</db_user><download_dir>\ndown\n</download_dir>\
            <download_url>http://x/d</download_url><upload_dir>/up</upload_dir><upload_url>http://x/u</upload_url>\
            <uldl_dir_fanout>1024</uldl_dir_fanout></config></boinc>";
        std::fs::write(folder.path().join(CONFIG_FILE), config).unwrap();
        let project = ProjectDir::open(folder.path()).unwrap();
        let root = folder.path().canonicalize().unwrap();
        assert_eq!(
            project.download().path("a").unwrap().parent().unwrap().parent(),
            Some(&*root.join("down"))
        );
        assert_eq!(
            project.upload_path("perf_0_0_r24215473_0").unwrap(),
            Path::new("/up/bb/perf_0_0_r24215473_0")
        );
        assert!(project.upload_path("../x").is_err());
        assert_eq!(project.stop_file(), root.join("stop_daemons"));
    }

    #[test]
    fn a_config_that_lacks_something_names_project_and_element() {
        let folder = tree();
        let text = ProjectDir::open(&folder.path().join("other")).unwrap_err().to_string();
        assert!(text.contains("other") && text.contains("db_name"), "{text}");
    }
}
