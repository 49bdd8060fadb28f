//! Tells most lines that hold no secret without searching them: a few steps a line, in the way of Wu
//! and Manber.

/// Bytes that are looked at in one step.
const BLOCK: usize = 3;
/// Patterns are told apart by at most so many of their first bytes.
const WINDOW: usize = 8;
const SIZE: usize = 1 << 16;

/// What the beginnings of all patterns have in common.
pub(super) struct Sieve {
    /// Bytes of each beginning, that of the shortest pattern; less than a block: it tells nothing.
    window: usize,
    /// For each block, by how many bytes the window may move: as no pattern has it nearer to the end.
    steps: Vec<u8>,
    /// One bit for each hash of a beginning.
    begins: Vec<u64>,
}

impl Sieve {
    pub fn new<'a>(patterns: impl Iterator<Item = &'a [u8]> + Clone) -> Self {
        let shortest = patterns.clone().map(<[u8]>::len).min().unwrap_or(0);
        let window = shortest.min(WINDOW);
        if window < BLOCK {
            return Self {
                window,
                steps: Vec::new(),
                begins: Vec::new(),
            };
        }
        let farthest = window - BLOCK + 1;
        // At most 6.
        let mut steps = vec![farthest as u8; SIZE];
        let mut begins = vec![0; SIZE / 64];
        for pattern in patterns {
            for at in 0..farthest {
                let step = &mut steps[block(&pattern[at..at + BLOCK])];
                *step = (*step).min((farthest - 1 - at) as u8);
            }
            let hash = begin(&pattern[..window]);
            begins[hash / 64] |= 1 << (hash % 64);
        }
        Self {
            window,
            steps,
            begins,
        }
    }

    /// False where no pattern is in `text`; true where one may be.
    pub fn may_hold(&self, text: &[u8]) -> bool {
        if self.window < BLOCK {
            return true;
        }
        let mut end = self.window;
        while end <= text.len() {
            let step = self.steps[block(&text[end - BLOCK..end])];
            if step == 0 {
                let hash = begin(&text[end - self.window..end]);
                if self.begins[hash / 64] & (1 << (hash % 64)) != 0 {
                    return true;
                }
            }
            end += usize::from(step.max(1));
        }
        false
    }
}

fn block(bytes: &[u8]) -> usize {
    let [a, b, c] = [bytes[0], bytes[1], bytes[2]].map(usize::from);
    ((a << 10) ^ (b << 5) ^ c) % SIZE
}

fn begin(bytes: &[u8]) -> usize {
    let mut hash = 0xcbf2_9ce4_8422_2325_u64;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
    }
    (hash >> 40) as usize % SIZE
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_lines_are_told() {
        let patterns = ["hunter2extra", "aHVudGVyMmV4dHJh", "s3cr3t"];
        let sieve = Sieve::new(patterns.iter().map(|it| it.as_bytes()));
        assert!(!sieve.may_hold(b"Unpacking libexample-perl (1.0-2) over (1.0) ... done"));
        assert!(sieve.may_hold(b"it is hunter2extra"));
    }

    proptest! {
        #[test]
        fn nothing_that_is_there_is_overlooked(
            patterns in prop::collection::vec("[a-c]{1,12}", 1..6),
            which in 0_usize..6,
            before in "[a-d]{0,20}",
            behind in "[a-d]{0,20}",
        ) {
            let sieve = Sieve::new(patterns.iter().map(|it| it.as_bytes()));
            let pattern = &patterns[which % patterns.len()];
            let text = format!("{before}{pattern}{behind}");
            prop_assert!(sieve.may_hold(text.as_bytes()));
        }
    }
}
