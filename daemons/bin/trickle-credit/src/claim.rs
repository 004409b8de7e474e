//! What a message claims. Pure; the bytes are a volunteer's.

use boinc::id::MessageId;
use boinc::record::MsgFromHost;
use boinc::trickle::Trickle;
use rules::uptime::Claim;

/// A message that could be read.
#[derive(Debug, Clone, PartialEq)]
pub struct Claimed {
    /// The result that it names.
    pub result_name: String,
    /// Who claims how much, and when the server stored it.
    pub claim: Claim,
}

/// A message that can't be used.
#[derive(Debug, Clone, PartialEq)]
pub struct Unusable {
    /// The message.
    pub message: MessageId,
    /// Why, for a person.
    pub reason: String,
}

/// Reads a message: which result, how many seconds in `<element>`.
///
/// # Errors
/// It can't be used; the reason is short and printable.
pub fn read(message: &MsgFromHost, element: &str) -> Result<Claimed, Unusable> {
    let unusable = |reason: String| Unusable { message: message.id, reason };
    let trickle = Trickle::parse(&message.xml).map_err(|error| unusable(error.to_string()))?;
    let seconds = trickle.claim(element).map_err(|error| unusable(error.to_string()))?;
    let claim =
        Claim { message: message.id, host: message.hostid, create_time: message.create_time, seconds };
    Ok(Claimed { result_name: trickle.result_name, claim })
}

#[cfg(test)]
mod tests {
    use boinc::id::HostId;

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

    #[test]
    fn the_wrappers_message_is_read() {
        let text = b"\n      <result_name>theory_1_0</result_name>\n      <time>1795161125</time>\n<cpu_time>6.000000</cpu_time>\n";
        let claimed = read(&message(text), "cpu_time").unwrap();
        assert_eq!(claimed.result_name, "theory_1_0");
        assert_eq!(
            claimed.claim,
            Claim { message: MessageId(1), host: HostId(7), create_time: 50, seconds: 6.0 }
        );
    }

    #[test]
    fn what_cannot_be_used_says_why() {
        for (xml, word) in [
            (&b"<result_name>a</result_name><time>1</time>"[..], "cpu_time"),
            (b"<result_name>a</result_name><time>1</time><cpu_time>-5</cpu_time>", "negative"),
            (b"<result_name>a</result_name><time>1</time><cpu_time>nan</cpu_time>", "finite"),
            (b"<result_name>../a</result_name><time>1</time><cpu_time>1</cpu_time>", "result_name"),
            (b"", "result_name"),
            (b"\xff\xfe<", ""),
        ] {
            let unusable = read(&message(xml), "cpu_time").unwrap_err();
            assert!(unusable.reason.contains(word), "{}", unusable.reason);
        }
    }
}
