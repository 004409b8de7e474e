//! Raw statements, for the sandbox, tests and benchmarks. Daemons don't use it: what they may write is in the
//! typed modules beside this one.

use mysql_async::prelude::Queryable;
use mysql_async::{Params, Value};

use crate::error::{Error, Result};
use crate::url::DbUrl;

/// Prepared statements that a connection keeps. The server allows about 16 000, for all connections together.
const STATEMENTS: usize = 50;

/// A value for a `?`.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    #[allow(missing_docs)]
    Null,
    #[allow(missing_docs)]
    Int(i64),
    #[allow(missing_docs)]
    Float(f64),
    #[allow(missing_docs)]
    Text(String),
    #[allow(missing_docs)]
    Bytes(Vec<u8>),
}

macro_rules! param_from {
    ($($from:ty => $value:ident $make:expr;)*) => {$(
        impl From<$from> for Param {
            fn from($value: $from) -> Self { $make }
        }
    )*};
}
param_from! {
    i32 => v Self::Int(v.into());
    u32 => v Self::Int(v.into());
    i64 => v Self::Int(v);
    usize => v Self::Int(i64::try_from(v).unwrap_or(i64::MAX));
    bool => v Self::Int(v.into());
    f64 => v Self::Float(v);
    &str => v Self::Text(v.to_owned());
    String => v Self::Text(v);
    &String => v Self::Text(v.clone());
    Vec<u8> => v Self::Bytes(v);
    &[u8] => v Self::Bytes(v.to_vec());
}

impl From<&serde_json::Value> for Param {
    fn from(value: &serde_json::Value) -> Self {
        use serde_json::Value as Json;
        match value {
            Json::Null => Self::Null,
            Json::Bool(v) => Self::Int((*v).into()),
            Json::Number(v) => {
                v.as_i64().map_or_else(|| Self::Float(v.as_f64().unwrap_or(f64::NAN)), Self::Int)
            }
            Json::String(v) => Self::Text(v.clone()),
            other => Self::Text(other.to_string()),
        }
    }
}

impl From<&Param> for Value {
    fn from(param: &Param) -> Self {
        match param {
            Param::Null => Self::NULL,
            Param::Int(v) => Self::Int(*v),
            Param::Float(v) => Self::Double(*v),
            Param::Text(v) => Self::Bytes(v.clone().into_bytes()),
            Param::Bytes(v) => Self::Bytes(v.clone()),
        }
    }
}

/// One row of an answer.
#[derive(Debug, Clone)]
pub struct Row(mysql_async::Row);

impl Row {
    fn value(&self, column: &str) -> Result<&Value> {
        self.0
            .columns_ref()
            .iter()
            .position(|c| c.name_str() == column)
            .and_then(|i| self.0.as_ref(i))
            .ok_or_else(|| Error::Other(format!("no column `{column}` in the answer")))
    }

    fn parse<T: std::str::FromStr>(column: &str, bytes: &[u8]) -> Result<T> {
        let text = String::from_utf8_lossy(bytes);
        text.parse()
            .map_err(|_| Error::Other(format!("column `{column}`: `{text}` is not of the type asked for")))
    }

    /// An integer; NULL = 0.
    pub fn i64(&self, column: &str) -> Result<i64> {
        match self.value(column)? {
            Value::NULL => Ok(0),
            Value::Int(v) => Ok(*v),
            Value::UInt(v) => i64::try_from(*v).map_err(|e| Error::Other(format!("column `{column}`: {e}"))),
            Value::Bytes(bytes) => Self::parse(column, bytes),
            #[allow(clippy::cast_possible_truncation)]
            Value::Double(v) => Ok(*v as i64),
            other => Err(Error::Other(format!("column `{column}`: {other:?} is no integer"))),
        }
    }

    /// A floating-point number; NULL = 0.
    pub fn f64(&self, column: &str) -> Result<f64> {
        match self.value(column)? {
            Value::NULL => Ok(0.0),
            Value::Double(v) => Ok(*v),
            Value::Float(v) => Ok(f64::from(*v)),
            #[allow(clippy::cast_precision_loss)]
            Value::Int(v) => Ok(*v as f64),
            #[allow(clippy::cast_precision_loss)]
            Value::UInt(v) => Ok(*v as f64),
            Value::Bytes(bytes) => Self::parse(column, bytes),
            other => Err(Error::Other(format!("column `{column}`: {other:?} is no number"))),
        }
    }

    /// Bytes; NULL = empty.
    pub fn bytes(&self, column: &str) -> Result<Vec<u8>> {
        match self.value(column)? {
            Value::NULL => Ok(Vec::new()),
            Value::Bytes(bytes) => Ok(bytes.clone()),
            other => Ok(other.as_sql(true).trim_matches('\'').as_bytes().to_vec()),
        }
    }

    /// Text; bytes that are not UTF-8 are replaced; NULL = empty.
    pub fn text(&self, column: &str) -> Result<String> {
        self.bytes(column).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    }

    /// Whether the column is NULL.
    pub fn is_null(&self, column: &str) -> Result<bool> {
        self.value(column).map(|value| *value == Value::NULL)
    }

    /// Names of the columns.
    #[must_use]
    pub fn columns(&self) -> Vec<String> {
        self.0.columns_ref().iter().map(|c| c.name_str().into_owned()).collect()
    }

    /// The row as a JSON object: numbers as numbers, everything else as text.
    #[must_use]
    pub fn json(&self) -> serde_json::Map<String, serde_json::Value> {
        let mut map = serde_json::Map::new();
        for (index, column) in self.0.columns_ref().iter().enumerate() {
            let value = match self.0.as_ref(index) {
                None | Some(Value::NULL) => serde_json::Value::Null,
                Some(Value::Int(v)) => (*v).into(),
                Some(Value::UInt(v)) => (*v).into(),
                Some(Value::Double(v)) => (*v).into(),
                Some(Value::Float(v)) => f64::from(*v).into(),
                Some(Value::Bytes(bytes)) => String::from_utf8_lossy(bytes).into_owned().into(),
                Some(other) => other.as_sql(true).trim_matches('\'').to_owned().into(),
            };
            map.insert(column.name_str().into_owned(), value);
        }
        map
    }
}

/// One connection.
#[derive(Debug)]
pub struct Connection(mysql_async::Conn);

impl Connection {
    /// Connects. `url.database` may be empty: then to the server only.
    pub async fn open(url: &DbUrl) -> Result<Self> {
        // Diesel's connections keep their own statements; this one relies on the driver, which closes what its cache
        // can't hold. Without a cache it would close none.
        let opts = mysql_async::OptsBuilder::from_opts(url.opts()).stmt_cache_size(STATEMENTS);
        Ok(Self(mysql_async::Conn::new(opts).await?))
    }

    fn params(params: &[Param]) -> Params {
        if params.is_empty() {
            Params::Empty
        } else {
            Params::Positional(params.iter().map(Value::from).collect())
        }
    }

    /// Runs one statement; rows that matched.
    pub async fn execute(&mut self, sql: &str, params: &[Param]) -> Result<u64> {
        if params.is_empty() {
            self.0.query_drop(sql).await?;
        } else {
            self.0.exec_drop(sql, Self::params(params)).await?;
        }
        Ok(self.0.affected_rows())
    }

    /// `id` that the last insert was given.
    #[must_use]
    pub fn last_insert_id(&self) -> i64 {
        self.0.last_insert_id().and_then(|id| i64::try_from(id).ok()).unwrap_or(0)
    }

    /// Runs a query and reads all of its answer.
    pub async fn rows(&mut self, sql: &str, params: &[Param]) -> Result<Vec<Row>> {
        let rows: Vec<mysql_async::Row> = self.0.exec(sql, Self::params(params)).await?;
        Ok(rows.into_iter().map(Row).collect())
    }

    /// The one row of a query.
    pub async fn row(&mut self, sql: &str, params: &[Param]) -> Result<Row> {
        let mut rows = self.rows(sql, params).await?;
        match (rows.pop(), rows.is_empty()) {
            (Some(row), true) => Ok(row),
            (None, _) => Err(Error::Other(format!("no row for: {sql}"))),
            _ => Err(Error::Other(format!("more than one row for: {sql}"))),
        }
    }

    /// Runs statements that are separated by semicolons.
    pub async fn script(&mut self, sql: &str) -> Result<()> {
        Ok(self.0.query_drop(sql).await?)
    }

    /// Inserts rows that are given as column → value, all with the columns of the first one, many in a statement.
    pub async fn insert_json(
        &mut self,
        table: &str,
        rows: &[serde_json::Map<String, serde_json::Value>],
    ) -> Result<u64> {
        let Some(first) = rows.first() else { return Ok(0) };
        let columns: Vec<&String> = first.keys().collect();
        let list = columns.iter().map(|c| format!("`{c}`")).collect::<Vec<_>>().join(", ");
        let marks = format!("({})", vec!["?"; columns.len()].join(", "));
        let mut inserted = 0;
        for chunk in rows.chunks((60_000 / columns.len().max(1)).clamp(1, 1000)) {
            let sql = format!(
                "INSERT INTO `{table}` ({list}) VALUES {}",
                vec![marks.as_str(); chunk.len()].join(", ")
            );
            let values: Vec<Value> = chunk
                .iter()
                .flat_map(|row| {
                    columns
                        .iter()
                        .map(|c| Value::from(&Param::from(row.get(*c).unwrap_or(&serde_json::Value::Null))))
                })
                .collect();
            self.0.exec_drop(sql, Params::Positional(values)).await?;
            inserted += self.0.affected_rows();
        }
        Ok(inserted)
    }

    /// Inserts rows (JSON objects, all with the same keys); columns that must have a value and are not given get 0 or the
    /// empty text. For tests that care for some columns only.
    pub async fn insert_filled(&mut self, table: &str, rows: &[serde_json::Value]) -> Result<u64> {
        let columns = self
            .rows(
                "SELECT column_name AS c, data_type AS t FROM information_schema.columns WHERE table_schema = DATABASE() \
                 AND table_name = ? AND is_nullable = 'NO' AND column_default IS NULL AND extra = ''",
                &[table.into()],
            )
            .await?;
        let mut zeros = serde_json::Map::new();
        for column in &columns {
            let is_text = ["varchar", "text"].contains(&column.text("t")?.as_str());
            zeros.insert(column.text("c")?, if is_text { "".into() } else { 0.into() });
        }
        let mut filled = Vec::new();
        for row in rows {
            let row = row.as_object().ok_or_else(|| Error::Other(format!("no row of {table}: {row}")))?;
            let mut all = zeros.clone();
            all.extend(row.clone());
            filled.push(all);
        }
        self.insert_json(table, &filled).await
    }
}
