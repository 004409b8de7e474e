//! What a message claims, and whose it is. Pure; the bytes are a volunteer's.

use boinc::id::{HostId, MessageId};
use boinc::record::MsgFromHost;
use boinc::trickle::{Identity, Meaning, Message, Sender, TrickleError, envelope, stock_number};
use rules::uptime::ClaimRule;

/// A claim that could be read.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Asked {
    #[allow(missing_docs)]
    pub message: MessageId,
    /// Who sent it.
    pub host: HostId,
    /// When the server stored it, Unix seconds.
    pub create_time: i32,
    /// The number in it.
    pub seconds: f64,
    /// Which message it is; only of increments.
    pub identity: Option<Identity>,
}

/// A message that is set aside.
#[derive(Debug, Clone, PartialEq)]
pub struct Aside {
    /// The message.
    pub message: MessageId,
    /// As in `cobblestone_quarantine.kind`.
    pub kind: &'static str,
    /// Why, for a person.
    pub reason: String,
}

impl Aside {
    /// One that can't be used.
    pub fn unusable(message: MessageId, reason: impl ToString) -> Self {
        Self { message, kind: "trickle", reason: reason.to_string() }
    }

    /// The report in a message that is counted as a claim.
    pub fn report(message: MessageId, reason: impl ToString) -> Self {
        Self { message, kind: "report", reason: reason.to_string() }
    }

    /// One of a variety that nobody declares.
    pub fn undeclared(message: MessageId) -> Self {
        let reason = "no application declares this variety".to_owned();
        Self { message, kind: "unknown", reason }
    }

    /// One that a person decides about.
    pub fn held(message: MessageId, reason: impl ToString) -> Self {
        Self { message, kind: "held", reason: reason.to_string() }
    }
}

/// Reads a message.
///
/// # Errors
/// It can't be used; the reason is short and printable.
pub fn parse(row: &MsgFromHost) -> Result<Message, Aside> {
    Message::parse(&row.xml).map_err(|error| Aside::unusable(row.id, error))
}

/// What it claims. `sender` is who says so.
///
/// # Errors
/// It can't be used; the reason is short and printable.
pub fn read(row: &MsgFromHost, message: &Message, rule: &ClaimRule, sender: Sender) -> Result<Asked, Aside> {
    let seconds = message.claim(&rule.element).map_err(|error| Aside::unusable(row.id, error))?;
    let identity = match rule.meaning {
        Meaning::Increment => identity(row, sender, message.result_name.as_deref(), message.time),
        // The client always writes it: without it, the message is broken.
        Meaning::Cumulative if message.time.is_none() => {
            return Err(Aside::unusable(row.id, TrickleError::Missing { element: "time" }));
        }
        Meaning::Cumulative => None,
    };
    Ok(asked(row, seconds, identity))
}

/// What it claims, as stock trickle_credit reads it: a text that is no XML can hold a number all the same, and whom it
/// names does not matter. `sender` is who says so.
///
/// # Errors
/// There is no number.
pub fn read_as_stock(row: &MsgFromHost, rule: &ClaimRule, sender: Sender) -> Result<Asked, Aside> {
    let Some(seconds) = stock_number(&row.xml, &rule.element) else {
        return Err(Aside::unusable(row.id, format!("message has no number in <{}>", rule.element)));
    };
    let identity = match (Message::parse(&row.xml), envelope(&row.xml)) {
        (Ok(message), _) => identity(row, sender, message.result_name.as_deref(), message.time),
        (_, Ok(envelope)) => identity(row, sender, Some(envelope.result_name), Some(envelope.time)),
        _ => None,
    };
    Ok(asked(row, seconds, identity))
}

fn asked(row: &MsgFromHost, seconds: f64, identity: Option<Identity>) -> Asked {
    Asked { message: row.id, host: row.hostid, create_time: row.create_time, seconds, identity }
}

fn identity(
    row: &MsgFromHost,
    sender: Sender,
    result_name: Option<&str>,
    time: Option<i64>,
) -> Option<Identity> {
    Some(Identity::of(sender, result_name?, time?, &row.variety, &row.xml))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(xml: &[u8]) -> MsgFromHost {
        MsgFromHost {
            id: MessageId(1),
            create_time: 50,
            hostid: HostId(7),
            variety: "cpu_time".to_owned(),
            xml: xml.to_vec(),
        }
    }

    fn both(row: &MsgFromHost, rule: &ClaimRule) -> Result<Asked, Aside> {
        read(row, &parse(row)?, rule, Sender::Entitled)
    }

    #[test]
    fn the_wrappers_message_is_read() {
        let text = b"\n      <result_name>theory_1_0</result_name>\n      <time>1795161125</time>\n<cpu_time>6.000000</cpu_time>\n";
        let row = message(text);
        assert_eq!(parse(&row).unwrap().result_name.as_deref(), Some("theory_1_0"));
        let asked =
            Asked { message: MessageId(1), host: HostId(7), create_time: 50, seconds: 6.0, identity: None };
        assert_eq!(both(&row, &ClaimRule::wrapper()), Ok(asked));
    }

    #[test]
    fn increments_have_an_identity_if_they_say_which_message_they_are() {
        let rule = ClaimRule::runtime();
        let named = message(b"<result_name>a</result_name><time>1</time><runtime>5</runtime>");
        let identity = both(&named, &rule).unwrap().identity;
        assert!(identity.is_some());
        assert_eq!(read_as_stock(&named, &rule, Sender::Entitled).unwrap().identity, identity);
        let broken = message(b"<result_name>a</result_name><time>1</time><a><runtime>5</runtime>");
        assert!(both(&broken, &rule).is_err());
        let broken = read_as_stock(&broken, &rule, Sender::Entitled).unwrap();
        assert!(broken.identity.is_some() && broken.identity != identity);
        for nameless in [&b"<runtime>5</runtime>"[..], b"<result_name>a</result_name><runtime>5</runtime>"] {
            let row = message(nameless);
            assert_eq!(both(&row, &rule).unwrap().identity, None);
            assert_eq!(read_as_stock(&row, &rule, Sender::Entitled).unwrap().identity, None);
        }
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (xml, word) in [
            (&b"<result_name>a</result_name><time>1</time>"[..], "cpu_time"),
            (b"<result_name>a</result_name><time>1</time><cpu_time>-5</cpu_time>", "negative"),
            (b"<result_name>a</result_name><time>1</time><cpu_time>nan</cpu_time>", "finite"),
            (b"<result_name>../a</result_name><time>1</time><cpu_time>1</cpu_time>", "result_name"),
            (b"<result_name>a</result_name><cpu_time>1</cpu_time>", "<time>"),
            (b"", ""),
            (b"\xff\xfe<", ""),
        ] {
            let aside = both(&message(xml), &ClaimRule::wrapper()).unwrap_err();
            assert!(aside.reason.contains(word), "{}", aside.reason);
            assert_eq!(aside.kind, "trickle");
        }
        assert!(
            read_as_stock(&message(b"<cpu_time>5</cpu_time>"), &ClaimRule::runtime(), Sender::Entitled)
                .is_err()
        );
    }
}
