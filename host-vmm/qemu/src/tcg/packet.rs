//! The packets of GDB's remote serial protocol: `$payload#checksum`, with acknowledgements between them.
//!
//! Source: the GDB manual, appendix "GDB Remote Serial Protocol", "Overview" (framing, escapes, run lengths). This file
//! knows bytes and nothing of what a packet means. What comes in is an emulator's output, which a guest may have
//! confused: every input gives packets or an error, none a panic, and no packet grows without limit.

/// Longest payload that is taken, in bytes. QEMU's own limit is 4096, and 131104 from 10.1 on.
pub const LONGEST: usize = 1 << 18;

/// Bytes that a payload must escape, and the byte that escapes.
const SPECIAL: &[u8] = b"$#}*";
const ESCAPE: u8 = b'}';
/// What an escaped byte is combined with.
const FLIP: u8 = 0x20;
/// The byte that interrupts, between packets.
const INTERRUPT: u8 = 3;
/// A run length is this much more than the count of further copies.
const RUN_BIAS: u8 = 29;

/// What the other side sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Item {
    /// It understood our packet.
    Ack,
    /// It did not, and wants it again.
    Nack,
    /// A debugger wants the guest to stand still (GDB manual, "Interrupts"); QEMU never sends that.
    Interrupt,
    /// A packet's payload, without escapes and run lengths.
    Packet(Vec<u8>),
}

/// What cannot be a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PacketError {
    /// Between packets only `+`, `-` and `$` may stand.
    #[error("byte {0:#04x} stands between two packets, expected +, - or $")]
    Stray(u8),
    /// The sum of the payload's bytes is another.
    #[error("a packet's checksum is {found:#04x}, expected {expected:#04x}")]
    Checksum {
        /// What follows from the payload.
        expected: u8,
        /// What the packet says.
        found: u8,
    },
    /// A checksum is two hexadecimal digits.
    #[error("a packet's checksum has byte {0:#04x}, expected a hexadecimal digit")]
    Digit(u8),
    /// A packet begins within another.
    #[error("a packet begins before the last one has ended")]
    Unended,
    /// An escape without a byte, or a run without a byte or a length of 3 to 97.
    #[error("a packet has an escape or a run length that says nothing")]
    Encoding,
    /// It is longer than [`LONGEST`].
    #[error("a packet is longer than {LONGEST} bytes")]
    TooLong,
}

/// Appends a packet with this payload to `bytes`.
pub fn frame(payload: &[u8], bytes: &mut Vec<u8>) {
    bytes.push(b'$');
    let start = bytes.len();
    for byte in payload {
        if SPECIAL.contains(byte) {
            bytes.extend([ESCAPE, byte ^ FLIP]);
        } else {
            bytes.push(*byte);
        }
    }
    let sum = checksum(&bytes[start..]);
    bytes.push(b'#');
    bytes.extend(format!("{sum:02x}").bytes());
}

fn checksum(bytes: &[u8]) -> u8 {
    bytes.iter().fold(0, |sum: u8, byte| sum.wrapping_add(*byte))
}

/// Takes packets out of a stream, however it is cut into pieces.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// How many of `bytes` are done with.
    done: usize,
    /// Whether the stream is a debugger's, which may interrupt.
    takes_interrupts: bool,
}

impl Decoder {
    /// Makes a decoder of what a debugger sends: there may be interruptions between packets.
    #[must_use]
    pub fn of_debugger() -> Self {
        Self { takes_interrupts: true, ..Self::default() }
    }

    /// Adds bytes as they were received.
    pub fn push(&mut self, bytes: &[u8]) {
        self.bytes.drain(..self.done);
        self.done = 0;
        self.bytes.extend_from_slice(bytes);
    }

    /// Returns the next item, `None` until more bytes come.
    ///
    /// # Errors
    ///
    /// When the stream is no longer one of packets; it never is again.
    pub fn next_item(&mut self) -> Result<Option<Item>, PacketError> {
        let rest = &self.bytes[self.done..];
        let (item, taken) = match rest.first() {
            None => return Ok(None),
            Some(b'+') => (Item::Ack, 1),
            Some(b'-') => (Item::Nack, 1),
            Some(&INTERRUPT) if self.takes_interrupts => (Item::Interrupt, 1),
            Some(b'$') => match packet(&rest[1..])? {
                Some((payload, taken)) => (Item::Packet(payload), 1 + taken),
                None => return Ok(None),
            },
            Some(byte) => return Err(PacketError::Stray(*byte)),
        };
        self.done += taken;
        Ok(Some(item))
    }
}

/// Reads a packet behind its `$`: the payload, and how many bytes it took. `None` while its end is missing.
fn packet(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, PacketError> {
    let end = bytes.iter().position(|byte| matches!(byte, b'#' | b'$'));
    match end {
        _ if end.unwrap_or(bytes.len()) > LONGEST => return Err(PacketError::TooLong),
        Some(end) if bytes[end] == b'$' => return Err(PacketError::Unended),
        _ => {}
    }
    let Some((end, digits)) = end.and_then(|end| Some((end, bytes.get(end + 1..end + 3)?))) else {
        return Ok(None);
    };
    let found = digit(digits[0])? << 4 | digit(digits[1])?;
    let expected = checksum(&bytes[..end]);
    if found != expected {
        return Err(PacketError::Checksum { expected, found });
    }
    Ok(Some((decoded(&bytes[..end])?, end + 3)))
}

fn digit(byte: u8) -> Result<u8, PacketError> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok()).ok_or(PacketError::Digit(byte))
}

/// Resolves escapes and run lengths.
fn decoded(encoded: &[u8]) -> Result<Vec<u8>, PacketError> {
    let mut payload = Vec::with_capacity(encoded.len());
    let mut bytes = encoded.iter();
    while let Some(byte) = bytes.next() {
        match *byte {
            ESCAPE => payload.push(bytes.next().ok_or(PacketError::Encoding)? ^ FLIP),
            b'*' => {
                let length = bytes.next().ok_or(PacketError::Encoding)?;
                let last = *payload.last().ok_or(PacketError::Encoding)?;
                let copies = length.checked_sub(RUN_BIAS).filter(|copies| (3..=97).contains(copies));
                payload.resize(payload.len() + usize::from(copies.ok_or(PacketError::Encoding)?), last);
            }
            byte => payload.push(byte),
        }
        if payload.len() > LONGEST {
            return Err(PacketError::TooLong);
        }
    }
    Ok(payload)
}

/// Reads a number of hexadecimal digits only, most significant first, at least one.
#[must_use]
pub fn number(digits: &[u8]) -> Option<u64> {
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    is_number.then(|| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()).flatten()
}

/// Reads pairs of hexadecimal digits as bytes.
#[must_use]
pub fn bytes(digits: &[u8]) -> Option<Vec<u8>> {
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    digits.chunks(2).map(|pair| u8::try_from(number(pair)?).ok()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn framed(payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::new();
        frame(payload, &mut bytes);
        bytes
    }

    /// Frames a payload that is encoded already, with its right checksum.
    fn raw(encoded: &[u8]) -> Vec<u8> {
        [b"$", encoded, b"#", format!("{:02x}", checksum(encoded)).as_bytes()].concat()
    }

    fn decode(bytes: &[u8]) -> Result<Vec<Item>, PacketError> {
        let mut decoder = Decoder::default();
        decoder.push(bytes);
        std::iter::from_fn(|| decoder.next_item().transpose()).collect()
    }

    #[test]
    fn a_packet_is_framed_as_the_manual_shows() {
        assert_eq!(framed(b"OK"), b"$OK#9a");
        assert_eq!(framed(b""), b"$#00");
        assert_eq!(framed(b"a#b"), [&b"$a}\x03b#"[..], b"43"].concat());
    }

    #[test]
    fn a_debugger_may_interrupt_between_packets_alone() {
        let mut decoder = Decoder::of_debugger();
        decoder.push(&[b"\x03"[..].to_vec(), framed(b"a\x03b")].concat());
        assert_eq!(decoder.next_item(), Ok(Some(Item::Interrupt)));
        assert_eq!(decoder.next_item(), Ok(Some(Item::Packet(b"a\x03b".to_vec()))));
    }

    #[test]
    fn every_payload_comes_back_however_the_stream_is_cut() {
        let all: Vec<u8> = (0..=255).collect();
        let stream = [&b"+"[..], &framed(&all), b"-", &framed(b""), &framed(b"T05")].concat();
        let wanted =
            [Item::Ack, Item::Packet(all.clone()), Item::Nack, Item::Packet(Vec::new()), Item::Packet(b"T05".to_vec())];
        for step in [1, 2, 3, 7, stream.len()] {
            let (mut decoder, mut items) = (Decoder::default(), Vec::new());
            for piece in stream.chunks(step) {
                decoder.push(piece);
                while let Some(item) = decoder.next_item().unwrap() {
                    items.push(item);
                }
            }
            assert_eq!(items, wanted, "in pieces of {step}");
        }
    }

    #[test]
    fn runs_are_expanded() {
        assert_eq!(decode(&raw(b"0* 1")).unwrap(), [Item::Packet(b"00001".to_vec())]);
        let longest = [b'x', b'*', RUN_BIAS + 97];
        assert_eq!(decode(&raw(&longest)).unwrap(), [Item::Packet(vec![b'x'; 98])]);
    }

    #[test]
    fn each_invalid_packet_has_its_own_error() {
        let cases: &[(&[u8], PacketError)] = &[
            (b"x", PacketError::Stray(b'x')),
            (b"\x03", PacketError::Stray(3)),
            (b"#00", PacketError::Stray(b'#')),
            (b"$OK#9b", PacketError::Checksum { expected: 0x9a, found: 0x9b }),
            (b"$OL#9a", PacketError::Checksum { expected: 0x9b, found: 0x9a }),
            (b"$OK#9g", PacketError::Digit(b'g')),
            (b"$OK#+a", PacketError::Digit(b'+')),
            (b"$OK$OK#9a", PacketError::Unended),
        ];
        for (bytes, error) in cases {
            assert_eq!(decode(bytes), Err(*error), "{bytes:?}");
        }
        let encodings: &[&[u8]] = &[b"a}", b"a*", b"*!", b"a*\x1d", b"a*\x1f", b"a*\x7f", b"a*\x00"];
        for encoded in encodings {
            assert_eq!(decode(&raw(encoded)), Err(PacketError::Encoding), "{encoded:?}");
        }
    }

    #[test]
    fn an_unterminated_packet_is_limited() {
        for prefix in [&b"$"[..], b"$OK", b"$OK#", b"$OK#9"] {
            assert_eq!(decode(prefix), Ok(Vec::new()), "{prefix:?}");
        }
        let mut endless = vec![b'0'; LONGEST];
        endless.insert(0, b'$');
        assert_eq!(decode(&endless), Ok(Vec::new()));
        endless.push(b'0');
        assert_eq!(decode(&endless), Err(PacketError::TooLong));
        // A few bytes that stand for many.
        let bomb: Vec<u8> = [b"0".to_vec(), b"*~".repeat(LONGEST / 97 + 1)].concat();
        assert_eq!(decode(&raw(&bomb)), Err(PacketError::TooLong));
    }

    #[test]
    fn every_single_byte_error_is_detected() {
        let good = framed(b"m0a*#}$");
        for at in 0..good.len() {
            for flip in 1..=255 {
                let mut bad = good.clone();
                bad[at] ^= flip;
                // Case of a digit in the checksum is not damage; nothing else may give the same item.
                let same = bad.eq_ignore_ascii_case(&good) && at >= good.len() - 2;
                let wanted = decode(&good);
                assert!(same || decode(&bad) != wanted, "{at} {flip:#x}");
            }
        }
    }

    #[test]
    fn numbers_and_bytes_are_hexadecimal_digits_and_nothing_else() {
        assert_eq!(number(b"0fF"), Some(0xff));
        assert_eq!(number(b"ffffffffffffffff"), Some(u64::MAX));
        for bad in [&b""[..], b"+1", b"g", b" 1", b"10000000000000000", b"\xff"] {
            assert_eq!(number(bad), None, "{bad:?}");
        }
        assert_eq!(bytes(b"00ff"), Some(vec![0, 255]));
        assert_eq!((bytes(b""), bytes(b"0"), bytes(b"0g")), (Some(Vec::new()), None, None));
    }
}
