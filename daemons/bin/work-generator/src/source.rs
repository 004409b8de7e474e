//! The next rows of a file.
//!
//! Invariants. Memory is bounded by a batch, whatever the file's size and whatever its rows stand for: reading begins where
//! the last batch ended. A file that was changed before that place is read again from its beginning: rows that were made are
//! known by their content. A file that somebody may still be writing (changed in the last seconds) keeps its last line, and
//! its place.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use campaign::mark::{Digest, Look, Mark};
use campaign::row::Header;
use campaign::{Campaign, Contents, Format, Kind, Records, Refusal, Row, columns};
use store::campaigns::{FileCursor, FileMove};

use crate::checks::{Checks, Known};
use crate::folder::path_of;

/// A file that was changed less than this ago may not be whole yet.
const SETTLED: Duration = Duration::from_secs(10);
/// Bytes of rows that are taken at once.
const BATCH_BYTES: usize = 4 << 20;
/// Largest input file that is taken from a folder.
const LARGEST_INPUT: u64 = 64 << 20;

/// One row.
#[derive(Debug, Clone)]
pub struct Item {
    /// Its number in its file, from 1.
    pub number: i64,
    /// Where it begins.
    pub place: u64,
    /// Its bytes.
    pub raw: Vec<u8>,
    /// What it says.
    pub row: Result<Row, Refusal>,
    /// The input file that it is, if it is one.
    pub content: Option<Vec<u8>>,
}

impl Item {
    /// How many jobs it stands for.
    ///
    /// # Errors
    /// It can't be a row, or does not say it.
    pub fn count(&self) -> Result<i64, Refusal> {
        let row = self.row.as_ref().map_err(Clone::clone)?;
        columns::count(row.values.get(columns::COUNT))
    }
}

/// Rows that follow one another in one file.
#[derive(Debug, Clone)]
pub struct Rows {
    #[allow(missing_docs)]
    pub items: Vec<Item>,
    /// How its cursor moves when they are made.
    pub to: FileMove,
}

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// These.
    Rows(Rows),
    /// The file is not what it was: its cursor goes back to the beginning.
    Rewind(FileMove),
    /// All rows of the file are made.
    End(FileMove),
    /// Nothing that can be taken now.
    Nothing,
    /// Whether the file is still what it was is being looked at: it goes on in the next turn.
    Checking,
    /// A person has to mend the file.
    Stuck(String),
}

/// The next rows of a file, that stand for about `most` jobs: the last of them may stand for more.
///
/// # Errors
/// It can't be read.
pub fn next(
    campaign: &Campaign,
    root: &Path,
    cursor: &FileCursor,
    most: i64,
    checks: &mut Checks,
) -> Result<Next> {
    let path = path_of(campaign, root, &cursor.name);
    let can = || format!("can't read {}", path.display());
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(match campaign.source.kind {
                Kind::File => Next::Stuck(format!("there is no file {}", campaign.source.path)),
                _ => Next::Nothing,
            });
        }
        Err(error) => return Err(error).with_context(can),
    };
    let about = file.metadata().with_context(can)?;
    // The real clock, as that of the file system: nothing else depends on it.
    let settled =
        about.modified().ok().and_then(|time| time.elapsed().ok()).is_some_and(|age| age >= SETTLED);
    let spooled = !matches!(campaign.source.kind, Kind::File | Kind::Folder);
    let complete = settled || spooled;
    let look = Look::of(&about);
    let digest = match checks.check(cursor, &mut file, look).with_context(can)? {
        Known::Same(digest) => digest,
        Known::Pending => return Ok(Next::Checking),
        Known::Changed => {
            return Ok(Next::Rewind(FileMove { place: 0, rows_read: 0, tail: String::new(), ..at(cursor) }));
        }
    };
    if campaign.source.contents == Contents::Files {
        return dropped(cursor, &path, complete);
    }
    let format = campaign.source.format.or_else(|| Format::of_name(&cursor.name));
    let Some(format) = format else { return Ok(Next::Nothing) };
    let (header, begin) = match header(&path, format, complete).with_context(can)? {
        Some(Ok(found)) => found,
        Some(Err(why)) => return Ok(Next::Stuck(format!("{}: {why}", cursor.name))),
        None if complete => return Ok(Next::End(FileMove { done: true, ..at(cursor) })),
        None => return Ok(Next::Nothing),
    };
    let before = u64::try_from(cursor.place).unwrap_or(0);
    let place = before.max(begin);
    file.seek(SeekFrom::Start(place)).with_context(can)?;
    let input = BufReader::with_capacity(1 << 16, &file);
    let mut records = Records::new(input, format, place, cursor.rows_read, complete);
    let mut items = Vec::new();
    let (mut end, mut ended) = (place, false);
    let (mut jobs, mut bytes) = (0_i64, 0);
    while jobs < most && bytes < BATCH_BYTES {
        let Some(record) = records.record().with_context(can)? else {
            ended = true;
            break;
        };
        end = record.end;
        let row = Row::parse(&record, format, &header);
        let item = Item { number: record.number, place: record.place, raw: record.bytes, row, content: None };
        jobs += item.count().unwrap_or(1);
        bytes += item.raw.len();
        items.push(item);
    }
    let stands = records.place();
    file.seek(SeekFrom::Start(before)).with_context(can)?;
    let Some(digest) = digest.and_next(&mut file, end - before).with_context(can)? else {
        return Ok(Next::Nothing);
    };
    let tail = Mark { digest, look }.text();
    let rows_read = items.last().map_or(cursor.rows_read, |item| item.number);
    let whole = ended && complete && stands >= about.len();
    let place = i64::try_from(end).unwrap_or(i64::MAX);
    // The only file of a campaign may grow: it is never done with.
    let to =
        FileMove { place, rows_read, tail, done: whole && campaign.source.kind != Kind::File, ..at(cursor) };
    Ok(match (items.is_empty(), whole) {
        (false, _) => Next::Rows(Rows { items, to }),
        (true, true) => Next::End(to),
        (true, false) => Next::Nothing,
    })
}

/// One row again, where it was.
///
/// # Errors
/// It can't be read.
pub fn row_at(campaign: &Campaign, root: &Path, name: &str, place: i64) -> Result<Option<Item>> {
    let path = path_of(campaign, root, name);
    let can = || format!("can't read {}", path.display());
    let cursor =
        FileCursor { id: 0, name: name.to_owned(), place, rows_read: 0, tail: String::new(), done: false };
    let Ok(mut file) = File::open(&path) else { return Ok(None) };
    if campaign.source.contents == Contents::Files {
        return Ok(match dropped(&FileCursor { place: 0, ..cursor }, &path, true)? {
            Next::Rows(rows) => rows.items.into_iter().next(),
            _ => None,
        });
    }
    let Some(format) = campaign.source.format.or_else(|| Format::of_name(name)) else { return Ok(None) };
    let Some(Ok((header, _))) = header(&path, format, true).with_context(can)? else { return Ok(None) };
    let place = u64::try_from(place).unwrap_or(0);
    file.seek(SeekFrom::Start(place)).with_context(can)?;
    let record = Records::new(BufReader::new(file), format, place, 0, true).record().with_context(can)?;
    Ok(record.map(|record| Item {
        number: 0,
        place: record.place,
        row: Row::parse(&record, format, &header),
        raw: record.bytes,
        content: None,
    }))
}

/// A cursor that does not move.
fn at(cursor: &FileCursor) -> FileMove {
    FileMove {
        id: cursor.id,
        from: cursor.place,
        place: cursor.place,
        rows_read: cursor.rows_read,
        tail: cursor.tail.clone(),
        done: false,
    }
}

/// A dropped input file: it is one row.
fn dropped(cursor: &FileCursor, path: &Path, complete: bool) -> Result<Next> {
    if !complete {
        return Ok(Next::Nothing);
    }
    let can = || format!("can't read {}", path.display());
    let file = File::open(path).with_context(can)?;
    let about = file.metadata().with_context(can)?;
    let bytes = about.len();
    let stem = cursor.name.split('.').next().unwrap_or_default();
    let mut content = Vec::new();
    let row = if bytes > LARGEST_INPUT {
        Err(Refusal::new("file", format!("it has {bytes} bytes, at most {LARGEST_INPUT} are taken")))
    } else {
        file.take(LARGEST_INPUT + 1).read_to_end(&mut content).with_context(can)?;
        let values = [
            (campaign::document::FILE_KEY.to_owned(), stem.into()),
            ("file".to_owned(), cursor.name.as_str().into()),
        ];
        Ok(Row { values: values.into_iter().collect() })
    };
    let mark = Mark { digest: Digest::default().and(&content), look: Look::of(&about) };
    let to = FileMove {
        rows_read: 1,
        done: true,
        place: i64::try_from(bytes).unwrap_or(i64::MAX).max(1),
        tail: mark.text(),
        ..at(cursor)
    };
    let item =
        Item { number: 1, place: 0, raw: cursor.name.clone().into_bytes(), row, content: Some(content) };
    Ok(Next::Rows(Rows { items: vec![item], to }))
}

/// Names of the columns, and where the rows begin. None: there is no first line yet.
type Head = Option<Result<(Header, u64), String>>;

fn header(path: &Path, format: Format, complete: bool) -> std::io::Result<Head> {
    if format == Format::Jsonl {
        return Ok(Some(Ok((Header::default(), 0))));
    }
    let mut records = Records::new(BufReader::new(File::open(path)?), format, 0, 0, complete);
    let Some(record) = records.header()? else { return Ok(None) };
    Ok(Some(Header::parse(&record).map(|header| (header, records.place()))))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::folder::tests::{age, campaign};

    fn next(campaign: &Campaign, root: &Path, cursor: &FileCursor, most: i64) -> Result<Next> {
        super::next(campaign, root, cursor, most, &mut Checks::default())
    }

    fn cursor(name: &str) -> FileCursor {
        FileCursor { id: 7, name: name.to_owned(), place: 0, rows_read: 0, tail: String::new(), done: false }
    }

    fn follow(cursor: &FileCursor, to: &FileMove) -> FileCursor {
        FileCursor {
            place: to.place,
            rows_read: to.rows_read,
            tail: to.tail.clone(),
            done: to.done,
            ..cursor.clone()
        }
    }

    #[test]
    fn a_file_is_read_in_pieces_and_goes_on_when_it_grows() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("scan.csv");
        fs::write(&path, "a,b\n1,x\n2,y\n3,z").unwrap();
        let campaign = campaign("kind = 'file'\npath = 'scan.csv'");
        let Next::Rows(rows) = next(&campaign, root.path(), &cursor("scan.csv"), 1).unwrap() else {
            panic!()
        };
        assert_eq!((rows.items.len(), rows.to.rows_read, rows.items[0].number), (1, 1, 1));
        let second = follow(&cursor("scan.csv"), &rows.to);
        let Next::Rows(rows) = next(&campaign, root.path(), &second, 9).unwrap() else { panic!() };
        assert_eq!(rows.items.len(), 1, "the last line may not be whole");
        assert_eq!(rows.items[0].row.as_ref().unwrap().values["a"], 2);
        let third = follow(&second, &rows.to);
        assert!(matches!(next(&campaign, root.path(), &third, 9).unwrap(), Next::Nothing));
        age(&path);
        let Next::Rows(rows) = next(&campaign, root.path(), &third, 9).unwrap() else { panic!() };
        let last = follow(&third, &rows.to);
        assert!(matches!(next(&campaign, root.path(), &last, 9).unwrap(), Next::End(_)));
        let again = row_at(&campaign, root.path(), "scan.csv", rows.items[0].place as i64).unwrap().unwrap();
        assert_eq!(again.row, rows.items[0].row);
        // It grows.
        fs::write(&path, "a,b\n1,x\n2,y\n3,z\n4,v\n").unwrap();
        let Next::Rows(rows) = next(&campaign, root.path(), &last, 9).unwrap() else { panic!() };
        assert_eq!(rows.items[0].row.as_ref().unwrap().values["a"], 4);
        // It was changed before that place, or cut.
        fs::write(&path, "a,b\n1,x\n2,q\n3,z\n4,v\n").unwrap();
        assert!(matches!(next(&campaign, root.path(), &last, 9).unwrap(), Next::Rewind(_)));
        fs::write(&path, "a,c\n1,x\n2,y\n3,z\n4,v\n").unwrap();
        assert!(matches!(next(&campaign, root.path(), &last, 9).unwrap(), Next::Rewind(_)));
        fs::write(&path, "a,b\n").unwrap();
        assert!(matches!(next(&campaign, root.path(), &last, 9).unwrap(), Next::Rewind(_)));
        fs::write(&path, "a,a\n").unwrap();
        assert!(matches!(next(&campaign, root.path(), &cursor("scan.csv"), 9).unwrap(), Next::Stuck(_)));
        fs::remove_file(&path).unwrap();
        assert!(matches!(next(&campaign, root.path(), &cursor("scan.csv"), 9).unwrap(), Next::Stuck(_)));
    }

    #[test]
    fn a_dropped_file_is_done_when_nobody_writes_to_it() {
        let root = tempfile::tempdir().unwrap();
        let drops = root.path().join("drops");
        fs::create_dir(&drops).unwrap();
        let campaign = campaign("kind = 'folder'\npath = 'drops'");
        for name in ["new.csv", "old.csv"] {
            fs::write(drops.join(name), "a\n1\n").unwrap();
        }
        age(&drops.join("old.csv"));
        let Next::Rows(rows) = next(&campaign, root.path(), &cursor("old.csv"), 9).unwrap() else { panic!() };
        assert!(rows.to.done, "nothing is left in it");
        let Next::Rows(rows) = next(&campaign, root.path(), &cursor("new.csv"), 9).unwrap() else { panic!() };
        assert!(!rows.to.done, "somebody may still be writing");
    }

    #[test]
    fn a_batch_is_bounded_in_jobs_and_in_bytes() {
        let root = tempfile::tempdir().unwrap();
        let campaign = campaign("kind = 'file'\npath = 'scan.csv'");
        let path = root.path().join("scan.csv");
        fs::write(&path, format!("a,count\n{}", "1,1000\n2,7\n".repeat(50))).unwrap();
        let rows = |most| match next(&campaign, root.path(), &cursor("scan.csv"), most).unwrap() {
            Next::Rows(rows) => rows,
            other => panic!("{other:?}"),
        };
        assert_eq!(rows(500).items.len(), 1, "a row is not divided");
        assert_eq!(rows(1001).items.len(), 2);
        assert_eq!((rows(1007).items.len(), rows(1008).items.len()), (2, 3));
        let rest = follow(&cursor("scan.csv"), &rows(500).to);
        let Next::Rows(rest) = next(&campaign, root.path(), &rest, 500).unwrap() else { panic!() };
        assert_eq!((rest.items[0].number, rest.items.len()), (2, 2), "it goes on behind it");
        fs::write(&path, format!("a\n{}", format!("{}\n", "x".repeat(60_000)).repeat(200))).unwrap();
        assert_eq!(rows(500).items.len(), BATCH_BYTES.div_ceil(60_000));
    }

    #[test]
    fn a_dropped_input_file_is_one_row() {
        let root = tempfile::tempdir().unwrap();
        let drops = root.path().join("drops");
        fs::create_dir(&drops).unwrap();
        fs::write(drops.join("run7.dat.txt"), "payload").unwrap();
        let campaign = campaign("kind = 'folder'\npath = 'drops'\ncontents = 'files'");
        let cursor = cursor("run7.dat.txt");
        assert!(matches!(next(&campaign, root.path(), &cursor, 9).unwrap(), Next::Nothing), "not settled");
        age(&drops.join("run7.dat.txt"));
        let Next::Rows(rows) = next(&campaign, root.path(), &cursor, 9).unwrap() else { panic!() };
        assert_eq!(rows.items[0].content.as_deref(), Some(&b"payload"[..]));
        assert_eq!(rows.items[0].row.as_ref().unwrap().values["name"], "run7");
        assert!(rows.to.done);
    }
}
