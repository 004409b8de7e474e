//! Parameters of jobs as columns of their own, for tables `results` and `failures`.
//!
//! All that the template of a job saw stands in the column `parameters`, as JSON. Those that `[assimilate.parameters]`
//! declares also get a column `parameter_NAME` of the declared type, behind the columns of the table.
//!
//! Invariant: a column of a file has one type. A value that is not of the declared type sets its workunit aside; nothing
//! is guessed, and nothing becomes null that was there. A job without the parameter has null.

use std::collections::BTreeMap;

use app_config::ParameterType;
use parquet::data_type::ByteArray;
use serde_json::Value;
use store::assimilation::JobOf;

use crate::parquet::{Cells, Field, Kind};

/// What the names of such columns begin with.
pub const PREFIX: &str = "parameter_";

/// Most characters of a value in a reason.
const SHOWN: usize = 60;

/// The parameters that are declared.
#[derive(Debug, Clone, Default)]
pub struct Declared(Vec<(String, ParameterType)>);

impl Declared {
    /// As `[assimilate.parameters]` has them.
    #[must_use]
    pub fn new(parameters: &BTreeMap<String, ParameterType>) -> Self {
        Self(parameters.iter().map(|(name, kind)| (name.clone(), *kind)).collect())
    }

    /// The values of a job, in the order of the declaration, each of the declared type or null.
    ///
    /// # Errors
    /// A value is of another type: why its workunit is set aside.
    pub fn values(&self, job: Option<&JobOf>) -> Result<Vec<Value>, String> {
        let Some(text) = job.and_then(|job| job.parameters.as_deref()).filter(|_| !self.0.is_empty()) else {
            return Ok(vec![Value::Null; self.0.len()]);
        };
        let all: BTreeMap<String, Value> =
            serde_json::from_str(text).map_err(|error| format!("cobblestone_job.parameters: {error}"))?;
        self.0
            .iter()
            .map(|(name, kind)| {
                let Some(value) = all.get(name).filter(|value| !value.is_null()) else { return Ok(Value::Null) };
                typed(value, *kind).ok_or_else(|| {
                    let found = boinc::printable::printable(&value.to_string(), SHOWN);
                    let kind = kind.name();
                    format!(
                        "parameter {name} is {found}, and [assimilate.parameters] says that it is of type {kind}; \
                         declare it as text, or take it out there"
                    )
                })
            })
            .collect()
    }

    /// The columns, of rows with those values.
    #[must_use]
    pub fn columns(&self, rows: &[&[Value]]) -> Vec<(Field, Cells)> {
        let column = |(index, (name, kind)): (usize, &(String, ParameterType))| {
            let values = rows.iter().map(|row| row.get(index));
            let cells = match kind {
                ParameterType::Text => {
                    Cells::Text(values.map(|value| Some(ByteArray::from(value?.as_str()?))).collect())
                }
                ParameterType::Integer => Cells::Long(values.map(|value| value?.as_i64()).collect()),
                ParameterType::Number => Cells::Double(values.map(|value| value?.as_f64()).collect()),
            };
            (Field { name: format!("{PREFIX}{name}"), kind: kind_of(*kind) }, cells)
        };
        self.0.iter().enumerate().map(column).collect()
    }
}

const fn kind_of(kind: ParameterType) -> Kind {
    match kind {
        ParameterType::Text => Kind::Text,
        ParameterType::Integer => Kind::Long,
        ParameterType::Number => Kind::Double,
    }
}

/// A value as the type has it. A cell of CSV that is written otherwise than JSON would write it (`0.10`, `+5`) is text in a
/// row; here it is the number that it says.
fn typed(value: &Value, kind: ParameterType) -> Option<Value> {
    match (kind, value) {
        (ParameterType::Text, Value::String(_)) => Some(value.clone()),
        (ParameterType::Text, other) => Some(Value::String(other.to_string())),
        (ParameterType::Integer, Value::Number(number)) => number.as_i64().map(Value::from),
        (ParameterType::Integer, Value::String(text)) => text.parse::<i64>().ok().map(Value::from),
        (ParameterType::Number, Value::Number(number)) => number.as_f64().map(Value::from),
        (ParameterType::Number, Value::String(text)) => {
            text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Value::from)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use boinc::id::WorkunitId;
    use serde_json::json;

    use super::*;

    fn declared() -> Declared {
        Declared::new(&BTreeMap::from([
            ("energy".to_owned(), ParameterType::Number),
            ("n".to_owned(), ParameterType::Integer),
            ("process".to_owned(), ParameterType::Text),
        ]))
    }

    fn job(parameters: Option<&str>) -> JobOf {
        let parameters = parameters.map(str::to_owned);
        JobOf { workunit: WorkunitId(1), campaign: "c".to_owned(), job: 1, seed: 1, events: 1, parameters }
    }

    fn values(text: &str) -> Result<Vec<Value>, String> {
        declared().values(Some(&job(Some(text))))
    }

    #[test]
    fn values_have_the_declared_type_or_the_workunit_is_set_aside() {
        assert_eq!(
            values(r#"{"energy":6500,"n":-3,"process":"z1j","x":1}"#).unwrap(),
            [json!(6500.0), json!(-3), json!("z1j")]
        );
        assert_eq!(
            values(r#"{"energy":"0.10","n":"+5","process":7}"#).unwrap(),
            [json!(0.1), json!(5), json!("7")]
        );
        assert_eq!(values(r#"{"process":["a",1]}"#).unwrap(), [Value::Null, Value::Null, json!("[\"a\",1]")]);
        assert_eq!(values(r#"{"energy":null}"#).unwrap(), vec![Value::Null; 3]);
        assert_eq!(declared().values(None).unwrap(), vec![Value::Null; 3]);
        assert_eq!(declared().values(Some(&job(None))).unwrap(), vec![Value::Null; 3]);
        for (text, word) in [
            (r#"{"energy":"high\u001b"}"#, "energy is \"high"),
            (r#"{"energy":"inf"}"#, "of type number"),
            (r#"{"energy":true}"#, "energy"),
            (r#"{"n":2.5}"#, "of type integer"),
            (r#"{"n":18446744073709551615}"#, "of type integer"),
            ("7", "cobblestone_job.parameters"),
        ] {
            let error = values(text).unwrap_err();
            assert!(error.contains(word) && !error.contains('\u{1b}'), "{error}");
        }
        assert_eq!(Declared::default().values(Some(&job(Some("no JSON")))).unwrap(), Vec::<Value>::new());
    }

    #[test]
    fn columns_have_prefixed_names() {
        let rows = [values(r#"{"energy":1,"n":2,"process":"p"}"#).unwrap(), declared().values(None).unwrap()];
        let columns = declared().columns(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
        let names: Vec<(&str, Kind)> = columns.iter().map(|(f, _)| (f.name.as_str(), f.kind)).collect();
        assert_eq!(
            names,
            [
                ("parameter_energy", Kind::Double),
                ("parameter_n", Kind::Long),
                ("parameter_process", Kind::Text)
            ]
        );
        let cells: Vec<Cells> = columns.into_iter().map(|(_, cells)| cells).collect();
        assert_eq!(
            cells,
            [
                Cells::Double(vec![Some(1.0), None]),
                Cells::Long(vec![Some(2), None]),
                Cells::Text(vec![Some("p".into()), None]),
            ]
        );
    }
}
