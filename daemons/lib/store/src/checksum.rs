//! The checksum of a ledger row: of all columns that are no sum of the control totals, so that a change by hand shows.
//!
//! Invariant: [`CHECKSUM`], which the database computes of its rows, and [`LedgerRow::checksum`], which the writer
//! computes, are the same number for the same row. Sums of them don't depend on the order of rows. It guards against
//! mistakes, not against somebody who writes the control totals, too.

use crate::ledger_rows::LedgerRow;

/// The checksum of row `l` of the ledger, as SQL. Times count by whole seconds: no text of a fraction is involved.
pub(crate) const CHECKSUM: &str = "CRC32(CONCAT_WS('|', l.kind, COALESCE(l.messageid, 0), l.resultid, l.workunitid, \
    l.hostid, l.userid, l.teamid, l.appid, l.rule_version, l.messages, l.rows_folded, l.by_app, l.app_userid, \
    l.app_teamid, CAST(FLOOR(l.time) AS SIGNED), CAST(FLOOR(l.since) AS SIGNED), l.reason))";

impl LedgerRow<'_> {
    /// See the module.
    pub(crate) fn checksum(&self) -> i64 {
        #[expect(clippy::cast_possible_truncation, reason = "Unix seconds")]
        let whole = |time: f64| time.floor() as i64;
        let text = format!(
            "{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}|{}",
            self.kind,
            self.messageid.unwrap_or(0),
            self.resultid,
            self.workunitid,
            self.hostid,
            self.userid,
            self.teamid,
            self.appid,
            self.rule_version,
            self.messages,
            self.rows_folded,
            self.by_app,
            self.app_userid,
            self.app_teamid,
            whole(self.time),
            whole(self.since),
            crate::text::cut(self.reason, 255),
        );
        crc32(text.as_bytes()).into()
    }
}

/// Remainders of all bytes by the polynomial of ISO 3309, bits reversed.
const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut rest = byte as u32;
        let mut bit = 0;
        while bit < 8 {
            rest = if rest & 1 == 1 { 0xEDB8_8320 ^ (rest >> 1) } else { rest >> 1 };
            bit += 1;
        }
        table[byte] = rest;
        byte += 1;
    }
    table
};

/// As the database's CRC32().
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |rest, byte| {
        let low = usize::from(rest.to_le_bytes()[0] ^ byte);
        TABLE.get(low).copied().unwrap_or(0) ^ (rest >> 8)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crcs_are_those_of_everybody() {
        assert_eq!((crc32(b""), crc32(b"123456789"), crc32(&[255; 40])), (0, 0xCBF4_3926, 0x8CD0_4C73));
    }
}
