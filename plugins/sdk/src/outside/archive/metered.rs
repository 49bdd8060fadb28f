//! A stream of which at most so much may be read until more is allowed: the reader of archives keeps
//! long names in memory, however long they are.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

pub struct Metered<R> {
    stream: R,
    left: Rc<Cell<u64>>,
}

impl<R> Metered<R> {
    /// With the number of bytes that may still be read.
    pub fn new(stream: R) -> (Self, Rc<Cell<u64>>) {
        let left = Rc::new(Cell::new(0));
        let own = left.clone();
        (Self { stream, left: own }, left)
    }

    pub fn into_inner(self) -> R {
        self.stream
    }
}

impl<R: Read> Read for Metered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.left.get();
        if left == 0 && !buffer.is_empty() {
            return Err(io::Error::other("the header of an entry is too long"));
        }
        let most = usize::try_from(left)
            .unwrap_or(usize::MAX)
            .min(buffer.len());
        let read = self.stream.read(&mut buffer[..most])?;
        self.left.set(left - read as u64);
        Ok(read)
    }
}
