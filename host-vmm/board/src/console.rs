//! Where the UART's bytes go and come from.

/// The other end of the serial line.
pub trait Console {
    /// Takes bytes that the guest transmitted. What cannot be written is lost, as on a line that nobody listens to.
    fn write(&mut self, bytes: &[u8]);

    /// Returns the next byte for the guest if there is one, without waiting.
    fn read(&mut self) -> Option<u8>;
}
