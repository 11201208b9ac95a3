//! The order of Debian's package versions: epochs, tildes, letters before other characters.
//!
//! Rules: Debian Policy 5.6.12. It saves a process a comparison, and it can be tested.

use std::cmp::Ordering;

/// Compares two versions as dpkg does.
pub fn compare(a: &str, b: &str) -> Ordering {
    let (epoch_a, rest_a) = split_epoch(a);
    let (epoch_b, rest_b) = split_epoch(b);
    let (upstream_a, debian_a) = rest_a.rsplit_once('-').unwrap_or((rest_a, ""));
    let (upstream_b, debian_b) = rest_b.rsplit_once('-').unwrap_or((rest_b, ""));
    epoch_a
        .cmp(&epoch_b)
        .then_with(|| compare_part(upstream_a, upstream_b))
        .then_with(|| compare_part(debian_a, debian_b))
}

fn split_epoch(version: &str) -> (u64, &str) {
    match version.split_once(':') {
        Some((epoch, rest)) => (epoch.parse().unwrap_or(0), rest),
        None => (0, version),
    }
}

fn compare_part(a: &str, b: &str) -> Ordering {
    let (mut a, mut b) = (a, b);
    while !a.is_empty() || !b.is_empty() {
        let (text_a, rest_a) = split_at_first(a, |c| c.is_ascii_digit());
        let (text_b, rest_b) = split_at_first(b, |c| c.is_ascii_digit());
        let order = compare_text(text_a, text_b);
        if order != Ordering::Equal {
            return order;
        }
        let (digits_a, next_a) = split_at_first(rest_a, |c| !c.is_ascii_digit());
        let (digits_b, next_b) = split_at_first(rest_b, |c| !c.is_ascii_digit());
        let number = |digits: &str| digits.parse::<u128>().unwrap_or(0);
        let order = number(digits_a).cmp(&number(digits_b));
        if order != Ordering::Equal {
            return order;
        }
        a = next_a;
        b = next_b;
    }
    Ordering::Equal
}

fn split_at_first(text: &str, stop: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(stop).unwrap_or(text.len()))
}

fn compare_text(a: &str, b: &str) -> Ordering {
    // The end of the text weighs 0; a tilde is less than that, letters are less than the rest.
    let weight = |c: Option<char>| match c {
        Some('~') => -1,
        None => 0,
        Some(c) if c.is_ascii_alphabetic() => c as i64,
        Some(c) => c as i64 + 256,
    };
    let (mut a, mut b) = (a.chars(), b.chars());
    loop {
        let (x, y) = (a.next(), b.next());
        let order = weight(x).cmp(&weight(y));
        if order != Ordering::Equal || x.is_none() {
            return order;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_order_as_in_dpkg() {
        // Each was checked with `dpkg --compare-versions A lt B`.
        let ascending = [
            "6.1.176-1",
            "6.1.192-2",
            "6.12.95-1~bpo12+1",
            "6.12.95-1",
            "6.12.107-1",
            "6.12.117-1~deb12u1",
            "7.2.13-1",
            "7.3~rc7-1~exp1",
            "7.3-1",
            "1:2",
        ];
        for pair in ascending.windows(2) {
            assert_eq!(compare(pair[0], pair[1]), Ordering::Less, "{:?}", pair);
            assert_eq!(compare(pair[1], pair[0]), Ordering::Greater, "{:?}", pair);
        }
        assert_eq!(compare("1.85.0+dfsg3-1~deb12u3", "1.96.0+dfsg1-1~deb12u2"), Ordering::Less);
        assert_eq!(compare("1.0", "1.00"), Ordering::Equal);
    }
}
