//! A spec without the keys that say what would hold anyway: what whoever wrote it had to write.

use serde::Serialize;
use serde_json::Value;

use super::{FileSpec, HistogramSpec, RuleSpec, Spec};
use crate::script::ScriptSpec;

impl Spec {
    /// The keys that are not as by default, as they stand in a spec's file. Byte for byte: `method` alone.
    pub fn declared(&self) -> Value {
        Self::declared_of(value(self))
    }

    /// The same of a spec that was kept as JSON, in which infinities are `null`.
    pub fn declared_of(mut spec: Value) -> Value {
        for file in list(&mut spec, "files") {
            for rule in list(file, "rules") {
                strip(rule, &value(&RuleSpec::default()), &[]);
            }
            for histogram in list(file, "histograms") {
                strip(histogram, &value(&HistogramSpec::default()), &[]);
            }
            strip(file, &value(&FileSpec::default()), &["name", "format"]);
        }
        if let Some(script) = spec.get_mut("script") {
            strip(script, &value(&ScriptSpec::default()), &[]);
        }
        let has = |key: &str| {
            spec.get(key).is_some_and(|value| !value.is_null() && value != &Value::Array(Vec::new()))
        };
        let is_short = !has("files") && !has("script");
        strip(&mut spec, &value(&Self::default()), if is_short { &["method"] } else { &[] });
        spec
    }
}

fn value<T: Serialize>(of: &T) -> Value {
    serde_json::to_value(of).unwrap_or(Value::Null)
}

fn list<'v>(value: &'v mut Value, key: &str) -> impl Iterator<Item = &'v mut Value> {
    value.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten()
}

fn strip(value: &mut Value, default: &Value, kept: &[&str]) {
    if let Some(object) = value.as_object_mut() {
        object.retain(|key, found| kept.contains(&key.as_str()) || Some(&*found) != default.get(key));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_what_stands_there() {
        let text = "[[files]]\nname = \"out\"\nformat = \"table\"\n[[files.rules]]\ncolumns = [2, \"p*\"]\nrelative = 1e-6\n";
        let spec: Spec = toml::from_str(text).unwrap();
        let written: Value = toml::from_str(text).unwrap();
        assert_eq!(spec.declared(), written);
        assert_eq!(Spec::exact().declared(), serde_json::json!({"method": "exact"}));
        assert_eq!(
            Spec::numeric(0.5, 0.0).declared(),
            serde_json::json!({"method": "numeric", "absolute": 0.5})
        );
    }
}
