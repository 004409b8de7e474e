//! `cobblestone migrate`: makes the toolkit's tables, or brings them up to date.
//!
//! Each migration is applied once; one that was interrupted is applied again from its start. See `store::migrate`.

use std::fmt::Write as _;

use anyhow::Result;
use daemon::Clock;
use store::Store;
use store::migrate::schema_version;

use crate::cli::ProjectArgs;
use crate::project::Project;
use crate::screen::print;

/// What a migration did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Migrated {
    /// Version of the database server.
    pub server: String,
    /// Names of the migrations that were applied.
    pub applied: Vec<&'static str>,
}

/// Applies what is missing. `clock` dates it.
///
/// # Errors
/// The server is too old, the tables are newer than this program, or a statement failed.
pub async fn migrate(store: &Store, clock: &Clock) -> Result<Migrated> {
    let server = store.check_server().await?;
    match store.migrate(clock.now()).await {
        Ok(applied) => Ok(Migrated { server, applied }),
        Err(error) => Err(match advice(&error) {
            Some(advice) => anyhow::Error::new(error).context(advice),
            None => error.into(),
        }),
    }
}

/// What a person can do, where the error does not say it itself.
fn advice(error: &store::Error) -> Option<&'static str> {
    let store::Error::Other(message) = error else { return None };
    if message.contains("denied") {
        return Some(
            "can't make the toolkit's tables: the database user of config.xml needs SELECT, INSERT, UPDATE, DELETE, CREATE \
             and ALTER on the database (only the toolkit's own tables are altered)",
        );
    }
    if message.contains("doesn't exist") && !message.contains("cobblestone_") {
        return Some("this is not a BOINC project's database; look at db_name in config.xml");
    }
    Some("can't make the toolkit's tables")
}

/// The command.
///
/// # Errors
/// As [`migrate`], or there is no project.
pub async fn run(args: &ProjectArgs) -> Result<()> {
    let project = Project::open(args).await?;
    let clock = Clock::for_project(&project.dir.config, &project.store).await?;
    let done = migrate(&project.store, &clock).await?;
    let mut text = String::new();
    let _ = writeln!(text, "project   {}", project.dir.root.display());
    let url = project.store.url().to_string();
    let _ =
        writeln!(text, "database  {}, server {}", url.strip_prefix("database ").unwrap_or(&url), done.server);
    let _ = match done.applied.as_slice() {
        [] => writeln!(text, "tables    at version {} already, nothing to do", schema_version()),
        names => {
            writeln!(text, "tables    now at version {}; applied: {}", schema_version(), names.join(", "))
        }
    };
    print(&text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rights_are_spoken_of_when_they_are_missing() {
        let advice = |message: &str| advice(&store::Error::Other(message.to_owned())).unwrap();
        assert!(
            advice("CREATE command denied to user 'b'@'localhost' for table `p`.`x`")
                .contains("needs SELECT")
        );
        assert!(advice("Table 'p.host' doesn't exist").contains("db_name"));
        assert_eq!(advice("Table 'p.cobblestone_mark' doesn't exist"), "can't make the toolkit's tables");
        assert_eq!(super::advice(&store::Error::Unfit("newer".to_owned())), None);
    }
}
