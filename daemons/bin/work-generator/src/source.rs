//! The next rows of a campaign: of its file, of files dropped into its folder, or of rows that were fed or printed.
//!
//! Invariants. Memory is bounded by a batch, whatever the file's size and whatever its rows stand for: reading begins where
//! the last batch ended. A file
//! that was changed before that place is read again from its beginning: rows that were made are known by their content.
//! A file that somebody may still be writing (changed in the last seconds) keeps its last line, and its place.

use std::fs::{self, File};
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result};
use campaign::row::Header;
use campaign::spool::DONE;
use campaign::{Campaign, Contents, Format, Kind, Records, Refusal, Row, columns};
use sha2::{Digest as _, Sha256};
use store::campaigns::{FileCursor, FileMove};

/// A file that was changed less than this ago may not be whole yet.
const SETTLED: Duration = Duration::from_secs(10);
/// Files of a folder that are looked at in one pass.
const MOST: usize = 10_000;
/// Bytes before a place whose digest says whether the file is still the same.
const TAIL: u64 = 4096;
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
    /// A person has to mend the file.
    Stuck(String),
}

/// Folder of a campaign's files.
pub fn folder(campaign: &Campaign, root: &Path) -> PathBuf {
    match campaign.source.kind {
        Kind::Folder => root.join(&campaign.source.path),
        Kind::File => root.join(&campaign.source.path).parent().unwrap_or(root).to_owned(),
        _ => root.join(campaign.spool()),
    }
}

/// Names of the files that may have rows, in the order in which they are taken: the oldest first.
///
/// # Errors
/// The folder can't be read.
pub fn files(campaign: &Campaign, root: &Path) -> Result<Vec<String>> {
    if campaign.source.kind == Kind::File {
        let path = Path::new(&campaign.source.path);
        return Ok(path.file_name().and_then(|name| name.to_str()).map(str::to_owned).into_iter().collect());
    }
    let folder = folder(campaign, root);
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error).with_context(|| format!("can't read {}", folder.display())),
    };
    let mut found = Vec::new();
    for entry in entries.take(MOST) {
        let entry = entry.with_context(|| format!("can't read {}", folder.display()))?;
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let rows = campaign.source.contents == Contents::Rows;
        let readable = !rows || campaign.source.format.is_some() || Format::of_name(&name).is_some();
        let Ok(about) = entry.metadata() else { continue };
        if about.is_file() && !name.starts_with('.') && readable && name.chars().count() <= 255 {
            found.push((about.modified().ok(), name));
        }
    }
    found.sort();
    Ok(found.into_iter().map(|(_, name)| name).collect())
}

/// Where a file is: in its folder, or in the one of those that are done.
pub fn path_of(campaign: &Campaign, root: &Path, name: &str) -> PathBuf {
    let folder = folder(campaign, root);
    let path = folder.join(name);
    if path.is_file() || campaign.source.kind == Kind::File { path } else { folder.join(DONE).join(name) }
}

/// Takes a file out of the way whose rows are all made.
///
/// # Errors
/// It can't be renamed.
pub fn put_away(campaign: &Campaign, root: &Path, name: &str) -> Result<()> {
    if campaign.source.kind == Kind::File {
        return Ok(());
    }
    let folder = folder(campaign, root);
    let (from, done) = (folder.join(name), folder.join(DONE));
    if !from.is_file() {
        return Ok(());
    }
    fs::create_dir_all(&done).with_context(|| format!("can't make {}", done.display()))?;
    let mut to = done.join(name);
    let mut n = 0;
    while to.exists() {
        n += 1;
        to = done.join(format!("{name}.{n}"));
    }
    fs::rename(&from, &to).with_context(|| format!("can't move {} to {}", from.display(), to.display()))
}

/// The next rows of a file, that stand for about `most` jobs: the last of them may stand for more.
///
/// # Errors
/// It can't be read.
pub fn next(campaign: &Campaign, root: &Path, cursor: &FileCursor, most: i64) -> Result<Next> {
    let path = path_of(campaign, root, &cursor.name);
    let can = || format!("can't read {}", path.display());
    let file = match File::open(&path) {
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
    let place = u64::try_from(cursor.place).unwrap_or(0);
    if tail(&path, place).with_context(can)?.is_none_or(|tail| tail != cursor.tail) {
        return Ok(Next::Rewind(FileMove { place: 0, rows_read: 0, tail: String::new(), ..at(cursor) }));
    }
    if campaign.source.contents == Contents::Files {
        return dropped(campaign, cursor, &path, about.len(), complete);
    }
    let format = campaign.source.format.or_else(|| Format::of_name(&cursor.name));
    let Some(format) = format else { return Ok(Next::Nothing) };
    let (header, begin) = match header(&path, format, complete).with_context(can)? {
        Some(Ok(found)) => found,
        Some(Err(why)) => return Ok(Next::Stuck(format!("{}: {why}", cursor.name))),
        None if complete => return Ok(Next::End(FileMove { done: true, ..at(cursor) })),
        None => return Ok(Next::Nothing),
    };
    let mut file = file;
    let place = place.max(begin);
    file.seek(SeekFrom::Start(place)).with_context(can)?;
    let mut records =
        Records::new(BufReader::with_capacity(1 << 16, file), format, place, cursor.rows_read, complete);
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
    let tail = tail(&path, end).with_context(can)?.unwrap_or_default();
    let rows_read = items.last().map_or(cursor.rows_read, |item| item.number);
    let whole = ended && complete && records.place() >= about.len();
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
        let bytes = file.metadata().with_context(can)?.len();
        return Ok(match dropped(campaign, &FileCursor { place: 0, ..cursor }, &path, bytes, true)? {
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
fn dropped(
    campaign: &Campaign,
    cursor: &FileCursor,
    path: &Path,
    bytes: u64,
    complete: bool,
) -> Result<Next> {
    if !complete {
        return Ok(Next::Nothing);
    }
    let to = FileMove {
        rows_read: 1,
        done: true,
        place: i64::try_from(bytes).unwrap_or(i64::MAX).max(1),
        ..at(cursor)
    };
    let stem = cursor.name.split('.').next().unwrap_or_default();
    let refused = (bytes > LARGEST_INPUT)
        .then(|| Refusal::new("file", format!("it has {bytes} bytes, at most {LARGEST_INPUT} are taken")));
    let mut content = Vec::new();
    if refused.is_none() {
        let file = File::open(path).with_context(|| format!("can't read {}", path.display()))?;
        file.take(LARGEST_INPUT + 1)
            .read_to_end(&mut content)
            .with_context(|| format!("can't read {}", path.display()))?;
    }
    let values = [
        (campaign::document::FILE_KEY.to_owned(), stem.into()),
        ("file".to_owned(), cursor.name.as_str().into()),
    ];
    let row = match refused {
        Some(refusal) => Err(refusal),
        None => Ok(Row { values: values.into_iter().collect() }),
    };
    let _ = campaign;
    let tail = tail(path, u64::try_from(to.place).unwrap_or(0))?.unwrap_or_default();
    let item =
        Item { number: 1, place: 0, raw: cursor.name.clone().into_bytes(), row, content: Some(content) };
    Ok(Next::Rows(Rows { items: vec![item], to: FileMove { tail, ..to } }))
}

/// Digest of what stands before a place; None: the file does not reach so far. Empty at the beginning.
fn tail(path: &Path, place: u64) -> std::io::Result<Option<String>> {
    if place == 0 {
        return Ok(Some(String::new()));
    }
    let mut file = File::open(path)?;
    let length = place.min(TAIL);
    file.seek(SeekFrom::Start(place - length))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 != length {
        return Ok(None);
    }
    Ok(Some(Sha256::digest(&bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect()))
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
    use std::time::SystemTime;

    use app_config::Work;

    use super::*;

    fn campaign(more: &str) -> Campaign {
        let text = format!("[campaign]\napp = 'theory'\n[source]\n{more}\n");
        Campaign::parse(&text, "scan", &Work::of("theory")).unwrap()
    }

    fn cursor(name: &str) -> FileCursor {
        FileCursor { id: 7, name: name.to_owned(), place: 0, rows_read: 0, tail: String::new(), done: false }
    }

    fn age(path: &Path) {
        let file = File::options().write(true).open(path).unwrap();
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000)).unwrap();
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
        fs::write(&path, "a,b\n").unwrap();
        assert!(matches!(next(&campaign, root.path(), &last, 9).unwrap(), Next::Rewind(_)));
        fs::write(&path, "a,a\n").unwrap();
        assert!(matches!(next(&campaign, root.path(), &cursor("scan.csv"), 9).unwrap(), Next::Stuck(_)));
        fs::remove_file(&path).unwrap();
        assert!(matches!(next(&campaign, root.path(), &cursor("scan.csv"), 9).unwrap(), Next::Stuck(_)));
    }

    #[test]
    fn a_folder_gives_its_files_in_the_order_of_their_age() {
        let root = tempfile::tempdir().unwrap();
        let drops = root.path().join("drops");
        fs::create_dir(&drops).unwrap();
        let campaign = campaign("kind = 'folder'\npath = 'drops'");
        for name in ["new.csv", "old.csv", ".hidden.csv", "notes.txt"] {
            fs::write(drops.join(name), "a\n1\n").unwrap();
        }
        age(&drops.join("old.csv"));
        assert_eq!(files(&campaign, root.path()).unwrap(), ["old.csv", "new.csv"]);
        let Next::Rows(rows) = next(&campaign, root.path(), &cursor("old.csv"), 9).unwrap() else { panic!() };
        assert!(rows.to.done, "nothing is left in it");
        let Next::Rows(rows) = next(&campaign, root.path(), &cursor("new.csv"), 9).unwrap() else { panic!() };
        assert!(!rows.to.done, "somebody may still be writing");
        put_away(&campaign, root.path(), "old.csv").unwrap();
        fs::write(drops.join("old.csv"), "a\n2\n").unwrap();
        put_away(&campaign, root.path(), "old.csv").unwrap();
        assert!(drops.join("done/old.csv").is_file() && drops.join("done/old.csv.1").is_file());
        assert_eq!(path_of(&campaign, root.path(), "old.csv"), drops.join("done/old.csv"));
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
