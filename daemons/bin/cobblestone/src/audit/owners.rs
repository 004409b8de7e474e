//! Why a total is not what the ledger says: understood, or off. Pure.
//!
//! Understood are: merged hosts, deleted hosts, accounts and teams, users who change teams, and what other programs
//! granted. Others grant to a host, its user and the user's team alike, so their grants are in lockstep: a user gained
//! what its hosts did, a team what its members did. What is not in lockstep was written by hand, or is a fault. A total
//! below what the ledger says is never understood.

use std::collections::{BTreeMap, BTreeSet};

use store::audit::owners::{Book, Total};

pub use super::explained::{Explained, Facts, Gone, Merge, Off};
use super::explained::{Gains, Sum, rest, tolerance};

/// Explains all that can be explained.
pub fn explain(facts: &Facts) -> Explained {
    let mut all = Explained::default();
    all.ghosts(facts);
    let hosts = all.merged(facts);
    let granted = all.users(facts, &hosts);
    all.teams(facts, &granted);
    all.by_app(facts);
    all.off.sort_by_key(|off| (off.book, off.id, off.app));
    all
}

impl Explained {
    fn fault(&mut self, book: Book, (id, app): (i32, i32), amount: f64, why: String) {
        self.off.push(Off { book, id, app, amount, why });
    }

    fn ghosts(&mut self, facts: &Facts) {
        for (book, ghosts) in &facts.ghosts {
            for ghost in ghosts {
                let credit = ghost.opening + ghost.ledger;
                let unsettled = -credit - ghost.accepted;
                let next = facts.next_ids.get(book.owners()).copied().unwrap_or(0);
                let key = (ghost.id, ghost.appid);
                if unsettled.abs() <= 1e-6_f64.max(1e-9 * credit.abs()) && ghost.accepted != 0.0 {
                    continue;
                }
                if ghost.id < 0 || i64::from(ghost.id) >= next {
                    let why = format!("never existed, the ledger paid it {:.6}", ghost.ledger);
                    self.fault(*book, key, unsettled, why);
                } else if ghost.owner_exists != 0 {
                    if credit.abs() > 1e-6 {
                        let why =
                            format!("has no row by application, the ledger paid it {:.6}", ghost.ledger);
                        self.fault(*book, key, unsettled, why);
                    }
                } else {
                    let gone = self.gone.entry(*book).or_default();
                    gone.ids.insert(ghost.id);
                    gone.credit += credit;
                    gone.ledger += ghost.ledger;
                }
            }
        }
    }

    /// What is not explained of each host, after what belongs to merged ones went to those that they became:
    /// (difference, rounding, user).
    fn merged(&mut self, facts: &Facts) -> BTreeMap<i32, (Sum, i32)> {
        let none = Vec::new();
        let totals = facts.totals.get(&Book::Host).unwrap_or(&none);
        let by_id: BTreeMap<i32, &Total> = totals.iter().map(|total| (total.id, total)).collect();
        let retired = |total: &Total| total.belongs_to == 0 && total.successor > 0;
        let mut hosts: BTreeMap<i32, (Sum, i32)> = BTreeMap::new();
        for total in totals.iter().filter(|total| !retired(total)) {
            let sum = Sum { amount: rest(total), rounding: tolerance(total) };
            hosts.insert(total.id, (sum, total.belongs_to));
        }
        for total in totals.iter().filter(|total| retired(total)) {
            let rest = rest(total);
            let had = total.opening + total.ledger + total.accepted - total.total;
            let mut last = total;
            let mut seen = BTreeSet::from([total.id]);
            let end = loop {
                if last.related == 0 {
                    break None;
                }
                match by_id.get(&last.successor) {
                    Some(next) if retired(next) => {
                        if !seen.insert(next.id) {
                            break None;
                        }
                        last = *next;
                    }
                    _ => break Some(last.successor),
                }
            };
            if rest.abs() <= tolerance(total) {
                continue;
            }
            match end {
                Some(to) => {
                    let (sum, _) = hosts.entry(to).or_insert((Sum::default(), -1));
                    sum.add(rest, tolerance(total));
                    self.merges.push(Merge { from: total.id, to, credit: had });
                }
                // It was deleted since, with the credit.
                None => {
                    let gone = self.gone.entry(Book::Host).or_default();
                    gone.ids.insert(total.id);
                    gone.credit += had;
                    gone.ledger += total.ledger;
                }
            }
        }
        hosts
    }

    /// Hosts against their users. Returns what each user was granted by others, with its rounding.
    fn users(&mut self, facts: &Facts, hosts: &BTreeMap<i32, (Sum, i32)>) -> BTreeMap<i32, Sum> {
        let mut by_user: BTreeMap<i32, (Sum, Vec<(i32, Sum)>)> = BTreeMap::new();
        for (id, (sum, user)) in hosts {
            if sum.is_zero() {
                continue;
            }
            if sum.amount < 0.0 || *user < 0 {
                let why = format!("has {:.6} less than the ledger says", -sum.amount);
                self.fault(Book::Host, (*id, 0), sum.amount, why);
                continue;
            }
            let (all, list) = by_user.entry(*user).or_default();
            all.add(sum.amount, sum.rounding);
            list.push((*id, *sum));
        }
        let mut granted: BTreeMap<i32, Sum> = BTreeMap::new();
        let none = Vec::new();
        let users: BTreeMap<i32, &Total> =
            facts.totals.get(&Book::User).unwrap_or(&none).iter().map(|total| (total.id, total)).collect();
        let ids: BTreeSet<i32> = users.keys().chain(by_user.keys()).copied().collect();
        for id in ids {
            let (hosts, list) = by_user.remove(&id).unwrap_or_default();
            let own = users.get(&id).map_or(Sum { amount: 0.0, rounding: 1e-6 }, |total| Sum {
                amount: rest(total),
                rounding: tolerance(total),
            });
            let difference =
                Sum { amount: own.amount - hosts.amount, rounding: own.rounding + hosts.rounding };
            let agreed = if difference.is_zero() {
                own
            } else if own.amount < 0.0 && !own.is_zero() {
                let why = format!("has {:.6} less than the ledger says", -own.amount);
                self.fault(Book::User, (id, 0), own.amount, why);
                Sum::default()
            } else if difference.amount > 0.0 && facts.lost_hosts.contains(&id) {
                own
            } else if own.is_zero() {
                for (host, sum) in list {
                    let why =
                        format!("gained {:.6} more than the ledger says, its user {id} did not", sum.amount);
                    self.fault(Book::Host, (host, 0), sum.amount, why);
                }
                Sum::default()
            } else {
                let why = format!(
                    "gained {:.6} more than the ledger says, its hosts {:.6}",
                    own.amount,
                    hosts.amount + 0.0
                );
                self.fault(Book::User, (id, 0), difference.amount, why);
                if own.amount < hosts.amount { own } else { hosts }
            };
            if agreed.amount > 0.0 && !agreed.is_zero() {
                *self.granted.entry(Book::Host).or_default() += hosts.amount.min(agreed.amount);
                *self.granted.entry(Book::User).or_default() += agreed.amount;
                granted.insert(id, agreed);
            }
        }
        granted
    }

    fn teams(&mut self, facts: &Facts, granted: &BTreeMap<i32, Sum>) {
        let none = Vec::new();
        let users: BTreeMap<i32, &Total> =
            facts.totals.get(&Book::User).unwrap_or(&none).iter().map(|total| (total.id, total)).collect();
        let mut moved: BTreeMap<i32, Vec<i32>> = BTreeMap::new();
        for member in &facts.moves {
            moved.entry(member.userid).or_default().push(member.teamid);
        }
        // Per team: what its members were granted who were always in it, and all who ever were.
        let mut bounds: BTreeMap<i32, (Sum, Sum)> = BTreeMap::new();
        for (id, sum) in granted {
            let team = users.get(id).filter(|total| total.related != 0).map_or(0, |total| total.belongs_to);
            if team != 0 {
                let (least, most) = bounds.entry(team).or_default();
                if !moved.contains_key(id) {
                    least.add(sum.amount, sum.rounding);
                }
                most.add(sum.amount, sum.rounding);
            }
            for other in moved.get(id).into_iter().flatten().filter(|other| **other != team) {
                bounds.entry(*other).or_default().1.add(sum.amount, sum.rounding);
            }
        }
        let totals: BTreeMap<i32, &Total> =
            facts.totals.get(&Book::Team).unwrap_or(&none).iter().map(|total| (total.id, total)).collect();
        let ids: BTreeSet<i32> = totals.keys().chain(bounds.keys()).copied().collect();
        for id in ids {
            let total = totals.get(&id);
            let own = total.map_or(0.0, |total| rest(total));
            let rounding = total.map_or(1e-6, |total| tolerance(total));
            let (least, most) = bounds.get(&id).copied().unwrap_or_default();
            let short = own - least.amount;
            let beyond = own - most.amount;
            if short < -(rounding + least.rounding) {
                let why = if own < 0.0 {
                    format!("has {:.6} less than the ledger says", -own)
                } else {
                    format!(
                        "gained {:.6} more than the ledger says, its members {:.6}",
                        own + 0.0,
                        least.amount
                    )
                };
                self.fault(Book::Team, (id, 0), short, why);
            } else if beyond > rounding + most.rounding && !facts.lost_users.contains(&id) {
                let why = format!(
                    "gained {own:.6} more than the ledger says, all who were its members {:.6}",
                    most.amount + 0.0
                );
                self.fault(Book::Team, (id, 0), beyond, why);
            } else if own.abs() > rounding {
                *self.granted.entry(Book::Team).or_default() += own;
            }
        }
    }

    /// Totals by application: what others granted, users and teams got alike (team 0 for those without).
    fn by_app(&mut self, facts: &Facts) {
        let mut apps: BTreeMap<i32, [Gains; 2]> = BTreeMap::new();
        for (n, book) in [Book::CreditUser, Book::CreditTeam].into_iter().enumerate() {
            for total in facts.totals.get(&book).map_or(&[][..], Vec::as_slice) {
                let (amount, rounding) = (rest(total), tolerance(total));
                if amount < -rounding {
                    let why = format!("has {:.6} less than the ledger says", -amount);
                    self.fault(book, (total.id, total.appid), amount, why);
                } else if amount > rounding
                    && let Some((sum, list)) = apps.entry(total.appid).or_default().get_mut(n)
                {
                    sum.add(amount, rounding);
                    list.push((total.id, amount));
                }
            }
        }
        let users_gone = self.gone.get(&Book::User).is_some_and(|gone| !gone.ids.is_empty());
        let teams_gone = self.gone.get(&Book::Team).is_some_and(|gone| !gone.ids.is_empty());
        for (app, [(users, user_list), (teams, team_list)]) in apps {
            let difference =
                Sum { amount: users.amount - teams.amount, rounding: users.rounding + teams.rounding };
            let deleted = (difference.amount < 0.0 && users_gone) || (difference.amount > 0.0 && teams_gone);
            if difference.is_zero() || deleted {
                *self.granted.entry(Book::CreditUser).or_default() += users.amount;
                *self.granted.entry(Book::CreditTeam).or_default() += teams.amount;
                continue;
            }
            let (book, list, mut left) = if difference.amount > 0.0 {
                (Book::CreditUser, user_list, difference.amount)
            } else {
                (Book::CreditTeam, team_list, -difference.amount)
            };
            let mut list = list;
            list.sort_by(|a, b| b.1.total_cmp(&a.1));
            for (id, amount) in list {
                let part = amount.min(left);
                if part <= 1e-6 {
                    break;
                }
                left -= part;
                let other = if book == Book::CreditUser { "no team" } else { "no user" };
                let why =
                    format!("gained {amount:.6} more than the ledger says, of which {part:.6} {other} did");
                self.fault(book, (id, app), part, why);
            }
        }
    }
}

#[cfg(test)]
#[path = "owners_tests.rs"]
mod tests;
