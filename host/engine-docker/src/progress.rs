//! Progress of an image's layers.

use bollard::models::{CreateImageInfo, ProgressDetail};
use longshore_model::pull_progress::{LayerProgress, LayerStatus};

/// Converts a message of the engine; `None` if it is not about a layer.
pub(super) fn progress(said: CreateImageInfo) -> Option<LayerProgress> {
    let status = match said.status?.as_str() {
        "Pulling fs layer" | "Waiting" => LayerStatus::Waiting,
        text if text.starts_with("Retrying") => LayerStatus::Waiting,
        "Downloading" => LayerStatus::Downloading,
        "Verifying Checksum" | "Download complete" => LayerStatus::Downloaded,
        "Extracting" => LayerStatus::Extracting,
        "Pull complete" | "Already exists" => LayerStatus::Complete,
        _ => return None,
    };
    let ProgressDetail { current, total } = said.progress_detail.unwrap_or_default();
    let positive = |bytes: Option<i64>| bytes.and_then(|bytes| u64::try_from(bytes).ok());
    let total = positive(total).filter(|bytes| *bytes > 0);
    Some(LayerProgress { id: said.id?, status, current: positive(current).unwrap_or(0), total })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Option<LayerProgress> {
        progress(serde_json::from_str(json).unwrap())
    }

    #[test]
    fn what_the_engine_says_of_layers_is_read() {
        let layer = |status, current, total| Some(LayerProgress { id: "a1".into(), status, current, total });
        let cases = [
            (r#"{"status": "Pulling from team/base", "id": "3"}"#, None),
            (r#"{"status": "Digest: sha256:00"}"#, None),
            (
                r#"{"status": "Pulling fs layer", "progressDetail": {}, "id": "a1"}"#,
                layer(LayerStatus::Waiting, 0, None),
            ),
            (r#"{"status": "Retrying in 5 seconds", "id": "a1"}"#, layer(LayerStatus::Waiting, 0, None)),
            (
                r#"{"status": "Downloading", "progressDetail": {"current": 5, "total": 9}, "id": "a1"}"#,
                layer(LayerStatus::Downloading, 5, Some(9)),
            ),
            (
                r#"{"status": "Extracting", "progressDetail": {"current": -1, "total": -1}, "id": "a1"}"#,
                layer(LayerStatus::Extracting, 0, None),
            ),
            (r#"{"status": "Already exists", "id": "a1"}"#, layer(LayerStatus::Complete, 0, None)),
        ];
        for (json, expected) in cases {
            assert_eq!(read(json), expected, "{json}");
        }
    }
}
