//! Specs and contents that tests have in common.

#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use compare::{Comparison, Parsed, Plan, Spec};
use proptest::prelude::*;

/// Reads a spec.
pub fn plan(toml: &str) -> Plan {
    let spec: Spec = toml::from_str(toml).unwrap_or_else(|error| panic!("{toml}\n{error}"));
    spec.plan().unwrap_or_else(|mistakes| panic!("{toml}\n{mistakes:#?}"))
}

/// A spec for the one file `out`; rules follow after `[[files.rules]]`.
pub fn file(toml: &str) -> Plan {
    plan(&format!("[[files]]\nname = 'out'\n{toml}"))
}

/// Compares two kept contents of `out`.
pub fn of(left: &[u8], right: &[u8], plan: &Plan) -> Comparison {
    let file = plan.file("out");
    file.compare(&Parsed::from_bytes(left.to_vec(), file), &Parsed::from_bytes(right.to_vec(), file))
}

/// The same side by side, as large files are.
pub fn streamed(left: &[u8], right: &[u8], plan: &Plan) -> Comparison {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        compare::File::open(&path, plan.file("out").max_bytes()).unwrap()
    };
    plan.file("out").compare_files(open("a", left), open("b", right))
}

/// Text that is often a table, and often nearly the same as another one.
pub fn table() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![
        8 => (-3_i32..3, 0_u32..3).prop_map(|(whole, part)| format!("{whole}.{part}")),
        1 => any::<f64>().prop_map(|value| value.to_string()),
        1 => "(nan|inf|-inf|-0|1e999|x|y|,|NA|=|3ms|4ms|#)",
    ];
    let separator =
        prop_oneof![6 => Just(" "), 2 => Just("\n"), 1 => Just(","), 1 => Just("\r\n"), 1 => Just("=")];
    proptest::collection::vec((value, separator), 0..8)
        .prop_map(|parts| {
            parts.into_iter().flat_map(|(value, separator)| [value, separator.into()]).collect::<String>()
        })
        .prop_map(String::into_bytes)
}

/// Text that is often JSON.
pub fn json() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        4 => (-3_i32..3, 0_u32..3).prop_map(|(whole, part)| format!("{whole}.{part}")),
        1 => "(NaN|null|true|\"x\"|\"nan\"|1e999|Infinity|\\[|\\}|,)",
    ];
    let value = leaf.prop_recursive(3, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            proptest::collection::vec(("[ab]", inner), 0..3).prop_map(|items| {
                let items: Vec<String> =
                    items.iter().map(|(key, value)| format!("\"{key}\":{value}")).collect();
                format!("{{{}}}", items.join(", "))
            }),
        ]
    });
    value.prop_map(String::into_bytes)
}

/// Text that is often YODA.
pub fn yoda() -> impl Strategy<Value = Vec<u8>> {
    let bin = prop_oneof![
        8 => (0_u32..3, 0_u32..30).prop_map(|(edge, sum)| format!("{edge}\t{sum}\t{sum}\t{sum}\t{}\n", 2 * sum)),
        1 => "[-a#:.01e \t]{0,9}\n",
        1 => Just("Total\tTotal\t1\t2\n".to_owned()),
        1 => Just("0\tnan\t-1\tinf\t0\n".to_owned()),
    ];
    let kind = "(HISTO1D_V2|HISTO2D_V3|PROFILE1D_V2|SCATTER2D_V2|ESTIMATE1D_V3|COUNTER)";
    let names = prop_oneof![
        2 => Just("xlow\tsumw\tsumw2\tsumwy\tsumwy2"),
        1 => Just("xval\tyval\tyerr-\tyerr+\tsumw"),
        1 => Just("x\tvalue\terrDn(1)\terrUp(1)\ty"),
    ];
    let object = (kind, "/[ab]", names, proptest::collection::vec(bin, 0..4), any::<u8>());
    let object = object.prop_map(|(kind, path, names, bins, rare)| {
        let end = if rare == 0 { "" } else { "END YODA_X\n" };
        format!("BEGIN YODA_{kind} {path}\nTitle: t\n---\n# {names}\n{}{end}", bins.concat())
    });
    proptest::collection::vec(object, 1..4).prop_map(|objects| objects.concat().into_bytes())
}

/// Text that is often XML.
pub fn xml() -> impl Strategy<Value = Vec<u8>> {
    let leaf = prop_oneof![
        4 => (-3_i32..3, 0_u32..3).prop_map(|(whole, part)| format!("{whole}.{part} ")),
        1 => "(nan|x|&lt;|&x;|<!-- -->|</a>)",
    ];
    let element = leaf.prop_recursive(3, 8, 3, |inner| {
        let children = proptest::collection::vec(inner, 0..3);
        ("[ab]", children, 0..3_u8).prop_map(|(name, children, number)| {
            format!("<{name} n='{number}'>{}</{name}>", children.concat())
        })
    });
    element.prop_map(|inner| format!("<r>{inner}</r>").into_bytes())
}

/// Bytes that are often an array.
pub fn npy() -> impl Strategy<Value = Vec<u8>> {
    let value = prop_oneof![6 => (0_i32..3).prop_map(f64::from), 1 => Just(f64::NAN), 1 => any::<f64>()];
    let shape = prop_oneof![
        4 => Just("(4,)"), 4 => Just("(2, 2)"), 1 => Just("(1, 4)"), 1 => Just("(8,)"), 1 => Just("(0,)")
    ];
    let kind = prop_oneof![6 => Just("<f8"), 1 => Just(">f4"), 1 => Just("<i8"), 1 => Just("|O")];
    (value, shape, kind, any::<bool>(), 0_i32..2).prop_map(|(value, shape, kind, fortran, step)| {
        let fortran = if fortran { "True" } else { "False" };
        let header = format!("{{'descr': '{kind}', 'fortran_order': {fortran}, 'shape': {shape}}}");
        let length = u8::try_from(header.len()).unwrap();
        let values = (0..4).flat_map(|index| (value + f64::from(index * step)).to_le_bytes());
        [b"\x93NUMPY\x01\0", &[length, 0][..], header.as_bytes(), &values.collect::<Vec<u8>>()].concat()
    })
}

/// Anything.
pub fn content() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![4 => table(), 2 => json(), 2 => yoda(), 2 => npy(), 2 => xml(), 1 => proptest::collection::vec(any::<u8>(), 0..60)]
}

/// A spec of every kind, with rules that do not depend on which output is which.
pub fn symmetric_spec() -> impl Strategy<Value = String> {
    let format = prop_oneof![
        Just("format = 'table'\nmin_rows = 0"),
        Just("format = 'table'\nseparator = 'comma'\nmissing = ['NA']"),
        Just("format = 'table'\ncomment = '#'\nunits = ['ms']\nheader = true"),
        Just("format = 'table'\norder = 'set'"),
        Just("format = 'table'\norder = 'key'\nkey = [1]"),
        Just("format = 'table'\norder = 'key'\nkey = [1]\nextra_rows = 'ignore'"),
        Just("format = 'key_value'\nseparator = '='"),
        Just("format = 'key_value'\norder = 'key'"),
        Just("format = 'json'"),
        Just("format = 'json'\norder = 'key'"),
        Just("format = 'yoda'"),
        Just("format = 'yoda'\norder = 'key'\nstatistics = 'chi2_and_ks'\nsignificance = 0.3"),
        Just("format = 'yoda'\nstatistics = 'ks'"),
        Just(
            "format = 'table'\nstatistics = 'chi2_and_ks'\nsignificance = 0.3\n[[files.histograms]]\nvalue = 2"
        ),
        Just("format = 'table'\nmin_bytes = 9\nseverity = 'suspicious'\nrequire = ['^1']\nforbid = ['2']"),
        Just("format = 'lines'\nrequire = ['^1']\nforbid = ['2']"),
        Just("format = 'xml'"),
        Just("format = 'xml'\norder = 'key'"),
        Just("format = 'npy'"),
        Just("format = 'npy'\norder = 'set'"),
        Just("format = 'raw'\nnumbers = 'f32_be'"),
        Just("format = 'raw'\nnumbers = 'i64_le'\nrow_values = 2\norder = 'key'\nkey = [1]"),
        Just("format = 'raw'\nskip_bytes = 3\norder = 'set'"),
        Just("format = 'lines'\nignore = ['^x']"),
        Just("format = 'lines'\norder = 'set'"),
    ];
    let rule = prop_oneof![
        (0.0..2.0_f64, 0.0..0.9_f64, any::<bool>()).prop_map(|(absolute, relative, mean)| {
            let mean = if mean && relative > 0.0 { "\nrelative_to = 'mean'" } else { "" };
            format!("absolute = {absolute:?}\nrelative = {relative:?}{mean}")
        }),
        Just("method = 'exact'".to_owned()),
        Just("method = 'ulps'\nulps = 1000000000000000".to_owned())
            .prop_map(|_| "method = 'ulps'\nulps = 100000000000000".to_owned()),
        Just("method = 'digits'\ndigits = 1".to_owned()),
        Just("period = 1.0\nabsolute = 0.2".to_owned()),
    ];
    let policy = prop_oneof![
        3 => Just(""),
        1 => Just("nan = 'equal'"),
        1 => Just("infinity = 'differ'"),
        1 => Just("at_least = -2.0"),
    ];
    (format, rule, policy)
        .prop_map(|(format, rule, policy)| format!("{format}\n[[files.rules]]\n{rule}\n{policy}"))
}
