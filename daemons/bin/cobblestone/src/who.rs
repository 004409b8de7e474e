//! Who runs the command: for what a person decides and that is kept with a name.
//!
//! The name is that of the user id that the process has, as /etc/passwd or the name service know it. When somebody
//! became that user (sudo, su), the one who logged in stands before it. Nobody is kept from lying who may be root.

use std::fs;
use std::process::Command;

use boinc::printable::printable;

/// Characters of a name that are kept.
const LONGEST: usize = 60;

/// `anna`, or `anna as boincadm`, or `uid 1234` when nobody knows a name.
pub fn login_name() -> String {
    let uid = rustix::process::getuid().as_raw();
    let login =
        fs::read_to_string("/proc/self/loginuid").ok().and_then(|text| text.trim().parse::<u32>().ok());
    let sudo = std::env::var("SUDO_UID").ok().and_then(|text| text.parse::<u32>().ok());
    // 4294967295: nobody logged in, as for cron and containers.
    let first = login.filter(|id| *id != u32::MAX).or(sudo).filter(|id| *id != uid);
    match first {
        Some(first) => format!("{} as {}", name_of(first), name_of(uid)),
        None => name_of(uid),
    }
}

fn name_of(uid: u32) -> String {
    let passwd = fs::read("/etc/passwd").unwrap_or_default();
    let name = in_passwd(&String::from_utf8_lossy(&passwd), uid).or_else(|| {
        let output = Command::new("getent").arg("passwd").arg(uid.to_string()).output().ok()?;
        in_passwd(&String::from_utf8_lossy(&output.stdout), uid)
    });
    name.unwrap_or_else(|| format!("uid {uid}"))
}

fn in_passwd(text: &str, uid: u32) -> Option<String> {
    let uid = uid.to_string();
    text.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1) == Some(uid.as_str())).then(|| printable(name, LONGEST))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_user_id_has_a_name() {
        let text = "root:x:0:0:root:/root:/bin/sh\nanna:x:1000:1000::/var/lib/anna:/bin/sh\n:x:7:\nbad\n";
        assert_eq!(in_passwd(text, 1000), Some("anna".to_owned()));
        assert_eq!(in_passwd(text, 0), Some("root".to_owned()));
        assert_eq!(in_passwd(text, 7), None);
        assert_eq!(in_passwd(text, 100), None);
        assert!(!login_name().is_empty());
    }
}
