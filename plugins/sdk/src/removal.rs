//! Removal from an engine that is eventually consistent.

use std::collections::BTreeSet;
use std::time::Duration;

use futures::future::try_join_all;
use tokio::time::Instant;

use crate::{Context, Error, Residue, Result};

/// First pause before the engine is asked for its list again; doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(20);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

impl Context {
    /// Removes everything that `list` finds, and lists again until nothing is found any more.
    ///
    /// An engine may list a thing whose creation has not ended, and answer to its removal that
    /// there is no such thing: the answer of one removal proves nothing, an empty list does.
    /// `remove` therefore takes "not there" and "is being removed" for success. `what` names the
    /// things in messages ("containers"); `removing` is called once for each id, before its first
    /// removal. After `limit` the error names what is still listed, as its residue too.
    pub async fn remove_listed<L, R, N>(
        &self,
        what: &str,
        limit: Duration,
        mut list: impl FnMut() -> L,
        remove: impl Fn(String) -> R,
        removing: impl Fn(String) -> N,
    ) -> Result<()>
    where
        L: Future<Output = Result<Vec<String>>>,
        R: Future<Output = Result<()>>,
        N: Future<Output = ()>,
    {
        let end = Instant::now() + self.within(limit);
        let mut seen = BTreeSet::new();
        let mut pause = FIRST_PAUSE;
        loop {
            let ids = list().await?;
            if ids.is_empty() {
                return Ok(());
            }
            if !seen.is_empty() {
                if Instant::now() >= end {
                    return Err(still_listed(what, limit, ids));
                }
                tokio::select! {
                    () = self.cancel.cancelled() => return Err(Error::cancelled()),
                    () = tokio::time::sleep(pause) => {}
                }
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
            for id in &ids {
                if seen.insert(id.clone()) {
                    removing(id.clone()).await;
                }
            }
            try_join_all(ids.into_iter().map(&remove)).await?;
        }
    }
}

fn still_listed(what: &str, limit: Duration, ids: Vec<String>) -> Error {
    Error::timeout(format!("removing the {what} {}", ids.join(" ")), limit)
        .hint("The engine lists them still. Run `kitchen destroy` again, or look at its log.")
        .residue(Residue::Resources(ids))
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use super::*;
    use crate::Section;

    fn context() -> Context {
        let identity = crate::conformance::identity();
        Context::for_tests(identity, "/".into(), Section::default())
    }

    /// Lists `a` for so many looks; a removal is asked for at each of them.
    async fn removed(looks: usize, limit: Duration) -> (Result<()>, usize, Vec<String>) {
        let (listed, asked, noted) = (Cell::new(0), Cell::new(0), RefCell::new(Vec::new()));
        let list = || {
            listed.set(listed.get() + 1);
            let there = listed.get() <= looks;
            async move { Ok(there.then(|| "a".to_owned()).into_iter().collect()) }
        };
        let remove = |_| {
            asked.set(asked.get() + 1);
            async { Ok(()) }
        };
        let removing = |id| {
            noted.borrow_mut().push(id);
            async {}
        };
        let ended = context()
            .remove_listed("containers", limit, list, remove, removing)
            .await;
        (ended, asked.get(), noted.into_inner())
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_listed_after_its_removal_is_removed_again_and_noted_once() {
        let (ended, asked, noted) = removed(5, Duration::from_secs(60)).await;
        assert!(ended.is_ok());
        assert_eq!((asked, noted), (5, vec!["a".to_owned()]));
    }

    #[tokio::test(start_paused = true)]
    async fn what_never_goes_is_named() {
        let (ended, ..) = removed(usize::MAX, Duration::from_secs(3)).await;
        let error = ended.unwrap_err();
        assert_eq!(error.residue, Residue::Resources(vec!["a".into()]));
        assert!(
            error.message.contains("removing the containers a"),
            "{error}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_listed_asks_nothing() {
        let (ended, asked, _) = removed(0, Duration::from_secs(3)).await;
        assert!(ended.is_ok());
        assert_eq!(asked, 0);
    }
}
