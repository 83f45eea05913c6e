//! The credit of one reading: a sum that the session adds to, and that serving takes from. Nothing is queued, so
//! endless acknowledgements of a script use no memory.

use longshore_protocol::{ProtocolError, SendWindow, StreamId};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use tokio::sync::Notify;

/// The reader's acknowledgements of a reading.
#[derive(Debug, Default)]
pub(crate) struct Credit {
    acknowledged: AtomicU64,
    dropped: AtomicBool,
    changed: Notify,
}

impl Credit {
    /// The reader has taken so many more bytes.
    ///
    /// # Errors
    /// [`ProtocolError::BadAcknowledgement`] if the sum overflows.
    pub(crate) fn acknowledge(&self, stream: StreamId, bytes: u64) -> Result<(), ProtocolError> {
        let add = |sum: u64| sum.checked_add(bytes);
        let added = self.acknowledged.fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
        self.changed.notify_one();
        added.map(drop).map_err(|outstanding| ProtocolError::BadAcknowledgement {
            stream: stream.0,
            bytes,
            outstanding,
        })
    }

    /// The reader wants no more.
    pub(crate) fn drop_reading(&self) {
        self.dropped.store(true, Ordering::Release);
        self.changed.notify_one();
    }

    pub(super) fn is_dropped(&self) -> bool {
        self.dropped.load(Ordering::Acquire)
    }
}

/// The bytes that may still be sent of a reading.
pub(super) struct Allowed {
    window: SendWindow,
    pub(super) credit: Arc<Credit>,
}

impl Allowed {
    pub(super) fn new(stream: StreamId, credit: Arc<Credit>) -> Self {
        Self { window: SendWindow::new(stream), credit }
    }

    /// Waits until `bytes` may be sent, and counts them. Returns `false` if the reader has dropped the stream.
    pub(super) async fn wait_for(&mut self, bytes: u64) -> Result<bool, ProtocolError> {
        loop {
            let acknowledged = self.credit.acknowledged.swap(0, Ordering::AcqRel);
            self.window.acknowledged(acknowledged)?;
            if self.credit.is_dropped() {
                return Ok(false);
            }
            if self.window.admits(bytes) {
                self.window.sent(bytes);
                return Ok(true);
            }
            // A change since the sum was taken has stored a permit in the notification.
            self.credit.changed.notified().await;
        }
    }

    /// Waits until the reader has dropped the stream.
    pub(super) async fn dropped(&self) {
        while !self.credit.is_dropped() {
            self.credit.changed.notified().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use longshore_protocol::limits::STREAM_WINDOW;

    #[tokio::test]
    async fn credit_is_a_sum_however_it_comes() {
        let credit = Arc::new(Credit::default());
        let mut allowed = Allowed::new(StreamId(1), Arc::clone(&credit));
        assert!(allowed.wait_for(STREAM_WINDOW).await.unwrap());
        let acknowledging = Arc::clone(&credit);
        let reader = tokio::spawn(async move {
            for _ in 0..64 {
                acknowledging.acknowledge(StreamId(1), STREAM_WINDOW / 64).unwrap();
                tokio::task::yield_now().await;
            }
        });
        assert!(allowed.wait_for(STREAM_WINDOW).await.unwrap());
        reader.await.unwrap();
        credit.drop_reading();
        assert!(!allowed.wait_for(1).await.unwrap());
    }

    #[tokio::test]
    async fn more_than_was_sent_breaks_the_protocol() {
        let credit = Arc::new(Credit::default());
        let mut allowed = Allowed::new(StreamId(1), Arc::clone(&credit));
        assert!(allowed.wait_for(10).await.unwrap());
        credit.acknowledge(StreamId(1), 11).unwrap();
        let error = allowed.wait_for(1).await.unwrap_err();
        assert!(matches!(error, ProtocolError::BadAcknowledgement { bytes: 11, outstanding: 10, .. }), "{error}");
        credit.acknowledge(StreamId(1), u64::MAX).unwrap();
        assert!(credit.acknowledge(StreamId(1), 1).is_err());
    }
}
