use super::*;

/// A file as NumPy writes it.
fn npy(header: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{header:<117}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [MAGIC, &[1, 0], &length, header.as_bytes(), data].concat()
}

fn doubles(values: &[f64]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

type Table = (Vec<String>, Vec<Vec<f64>>);

fn read(file: Vec<u8>) -> Result<Table, String> {
    let mut reader = Npy.open(Input::new(Box::new(std::io::Cursor::new(file))));
    let (mut row, mut rows) = (Row::default(), Vec::new());
    while reader.next(&mut row).map_err(|trouble| trouble.to_string())? {
        reader.split(&mut row);
        rows.push(row.cells.iter().map(|cell| cell.as_number()).collect());
    }
    let names = reader.names().iter().map(|name| String::from_utf8_lossy(name).into_owned());
    Ok((names.collect(), rows))
}

fn header(descr: &str, fortran: bool, shape: &str) -> String {
    let fortran = if fortran { "True" } else { "False" };
    format!("{{'descr': '{descr}', 'fortran_order': {fortran}, 'shape': {shape}, }}")
}

#[test]
fn shapes_and_orders() {
    let six = doubles(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
    let (names, rows) = read(npy(&header("<f8", false, "(2, 3)"), &six)).unwrap();
    assert_eq!(names, ["f8[:,0]", "f8[:,1]", "f8[:,2]"]);
    assert_eq!(rows, [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]);
    // In Fortran's order, a[0,0], a[1,0], a[0,1], …: one row for each last index.
    let (names, rows) = read(npy(&header("<f8", true, "(2, 3)"), &six)).unwrap();
    assert_eq!(names, ["f8[0,:]", "f8[1,:]"]);
    assert_eq!(rows, [[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]);
    assert_eq!(
        read(npy(&header("<f8", true, "(2, 3, 1)"), &six)).unwrap().0[1..4],
        ["f8[1,0,:]", "f8[0,1,:]", "f8[1,1,:]"]
    );
    assert_eq!(
        read(npy(&header("<f8", false, "(1, 2, 3)"), &six)).unwrap().0[2..4],
        ["f8[:,0,2]", "f8[:,1,0]"]
    );
    assert_eq!(read(npy(&header("<f8", false, "(6,)"), &six)).unwrap().1.len(), 6);
    assert_eq!(
        read(npy(&header("<f8", false, "()"), &six[..8])).unwrap(),
        (vec!["f8[]".into()], vec![vec![0.0]])
    );
    let (names, rows) = read(npy(&header("<c16", false, "(3,)"), &six)).unwrap();
    assert_eq!((names, rows.len()), (vec!["c16[:,0]".into(), "c16[:,1]".into()], 3));
    assert_eq!(read(npy(&header("<f8", false, "(5, 0)"), b"")).unwrap(), (vec!["f8 [5, 0]".into()], vec![]));
    let wide = vec![1_u8; 70_000];
    let (names, rows) = read(npy(&header("|u1", false, "(1, 70000)"), &wide)).unwrap();
    assert_eq!((names, rows.len()), (vec!["u1 [1, 70000]".into()], 70_000));
}

#[test]
fn types() {
    let big: Vec<u8> = [1.5_f32, -2.0].iter().flat_map(|value| value.to_be_bytes()).collect();
    assert_eq!(read(npy(&header(">f4", false, "(2,)"), &big)).unwrap().1, [[1.5], [-2.0]]);
    assert_eq!(read(npy(&header("|b1", false, "(2,)"), &[0, 1])).unwrap().1, [[0.0], [1.0]]);
    assert_eq!(read(npy(&header("<i2", false, "(1,)"), &[0xfe, 0xff])).unwrap().1, [[-2.0]]);
    for descr in ["|O", "<U5", "<f2", "<f16", "<M8[ns]", "f8", ""] {
        let error = read(npy(&header(descr, false, "(1,)"), b"")).unwrap_err();
        assert!(error.contains("is none of f4"), "{error}");
    }
}

#[test]
fn what_is_no_npy_is_malformed() {
    let good = header("<f8", false, "(2,)");
    let two = doubles(&[1.0, 2.0]);
    let mut version = npy(&good, &two);
    version[6] = 9;
    for (file, expected) in [
        (b"".to_vec(), "does not begin"),
        (b"PK\x03\x04aaaaaaaaa".to_vec(), "does not begin"),
        (version, "version 9 is not known"),
        (npy(&good, &two)[..40].to_vec(), "is cut"),
        (npy(&good, &two[..12]), "row 2: the content ends after 4 of 8 bytes"),
        (npy(&good, &two[..8]), "row 2: the content ends before 2 rows"),
        (npy(&good, &doubles(&[1.0, 2.0, 3.0])), "row 3: something stands behind"),
        (npy("[]", b""), "is no dictionary"),
        (npy("{'descr'}", b""), "an entry without a colon"),
        (npy("{'descr': '<f8'}", b""), "lacks descr"),
        (npy("{'x': 1}", b""), "unknown key 'x'"),
        (npy("{'descr': '<f8', 'descr': '<f4'}", b""), "'descr' twice"),
        (
            npy("{'descr': [('a', '<f8'), ('b', '<i4')], 'fortran_order': False, 'shape': (1,)}", b""),
            "is none of f4",
        ),
        (npy(&header("<f8", false, "(-1,)"), b""), "is no shape"),
        (npy(&header("<f8", false, "2"), b""), "is no shape"),
        (npy(&header("<f8", false, "(18446744073709551615, 2)"), b""), "is too large"),
        (npy(&header("<f8", false, &format!("({})", "1,".repeat(65))), b""), "is no shape"),
        (npy(&good.replace("False", "0"), b""), "neither True nor False"),
        ([MAGIC, &[2, 0, 0xff, 0xff, 0xff, 0xff]].concat(), "more than 65536"),
    ] {
        let error = read(file).unwrap_err();
        assert!(error.contains(expected), "{error}, not {expected}");
    }
}
