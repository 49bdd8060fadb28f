//! What a dropped call still has to do on a machine. A drop cannot wait; the program does, before
//! it goes on.

use std::sync::LazyLock;

use tokio::runtime::Handle;
use tokio_util::task::TaskTracker;

static LEFT: LazyLock<TaskTracker> = LazyLock::new(TaskTracker::new);

/// Does `work`, which has a limit of its own, on the current runtime; nothing where there is none.
pub fn leave(work: impl Future<Output = ()> + Send + 'static) {
    if let Ok(runtime) = Handle::try_current() {
        LEFT.spawn_on(work, &runtime);
    }
}

/// Waits until everything that was left is done.
pub async fn settled() {
    LEFT.close();
    LEFT.wait().await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_was_left_is_waited_for_more_than_once() {
        for _ in 0..2 {
            let done = Arc::new(AtomicBool::new(false));
            let told = done.clone();
            leave(async move {
                tokio::time::sleep(Duration::from_millis(20)).await;
                told.store(true, Ordering::Relaxed);
            });
            settled().await;
            assert!(done.load(Ordering::Relaxed));
        }
    }
}
