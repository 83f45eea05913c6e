//! A panic of a run fails that run, and no other in the process.

use longshore_model::engine_kind::{EngineChoice, EngineKind};
use longshore_model::outcome::Evidence;
use longshore_table::guarded;
use std::pin::pin;
use std::task::Poll;

/// The result of a future, or the evidence of its panic.
pub(super) async fn unwinding<T>(future: impl Future<Output = T>) -> Result<T, Evidence> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| match guarded(|| future.as_mut().poll(context)) {
        Ok(polled) => polled.map(Ok),
        Err(panicked) => {
            let failure = format!("the run failed because of a bug in longshore: {}", panicked.words);
            Poll::Ready(Err(Evidence { engine_failure: Some(failure), ..Evidence::default() }))
        }
    })
    .await
}

/// The engine that a run would have had, if none was chosen.
pub(super) fn likely(choice: EngineChoice) -> EngineKind {
    if !choice.may_isolate() { EngineKind::Process } else { EngineKind::Docker }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_after_a_wait_is_evidence() {
        assert!(matches!(unwinding(async { 1 }).await, Ok(1)));
        let broken = unwinding(async {
            tokio::task::yield_now().await;
            assert!(std::hint::black_box(false), "no luck");
        });
        let failure = broken.await.unwrap_err().engine_failure.unwrap();
        assert_eq!(failure, "the run failed because of a bug in longshore: no luck");
    }
}
