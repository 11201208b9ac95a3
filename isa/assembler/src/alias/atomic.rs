//! Aliases of the atomics that discard the old value: STADD, STCLR and so on (Arm ARM C6.2 by instruction name).

use crate::syntax::Statement;
use arch::Arg;

/// Defines the aliases of each operation: for three sizes, with and without release.
macro_rules! stores {
    ($( $operation:literal )*) => {
        &[$(
            (concat!("st", $operation), concat!("ld", $operation)),
            (concat!("st", $operation, "l"), concat!("ld", $operation, "l")),
            (concat!("st", $operation, "b"), concat!("ld", $operation, "b")),
            (concat!("st", $operation, "lb"), concat!("ld", $operation, "lb")),
            (concat!("st", $operation, "h"), concat!("ld", $operation, "h")),
            (concat!("st", $operation, "lh"), concat!("ld", $operation, "lh")),
        )*]
    };
}

/// Each alias and the atomic it stands for.
const STORES: &[(&str, &str)] = stores! { "add" "clr" "eor" "set" "smax" "smin" "umax" "umin" };
/// Those of FEAT_LSUI, of words and doublewords only.
const UNPRIVILEGED: &[(&str, &str)] = &[
    ("sttadd", "ldtadd"),
    ("sttaddl", "ldtaddl"),
    ("sttclr", "ldtclr"),
    ("sttclrl", "ldtclrl"),
    ("sttset", "ldtset"),
    ("sttsetl", "ldtsetl"),
];

/// Returns the names of the aliases, for suggestions.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    STORES.iter().chain(UNPRIVILEGED).map(|(store, _)| *store)
}

/// Rewrites `stadd x0, [x1]` to `ldadd x0, xzr, [x1]`.
pub(super) fn rewrite(statement: &mut Statement<'_>) {
    let mut known = STORES.iter().chain(UNPRIVILEGED);
    let Some((_, load)) = known.find(|(store, _)| store.eq_ignore_ascii_case(statement.mnemonic)) else {
        return;
    };
    statement.mnemonic = load;
    if let (Some(width), [data, _]) = (statement.width(), &statement.operands[..]) {
        let old = data.replaced(Arg::Reg(super::zero(width as u32)));
        statement.operands.insert(1, old);
    }
}
