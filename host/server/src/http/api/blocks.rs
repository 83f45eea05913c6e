//! The blocks that the server knows.

use crate::blocks::KnownBlock;
use crate::problem::Problem;
use crate::web::Web;
use axum::Json;
use axum::extract::{Path, State};
use longshore::causes::chain;
use serde::Serialize;
use tokio::task::spawn_blocking;
use utoipa::ToSchema;

/// A block that the server knows.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Block {
    /// Its name here, which runs give.
    name: String,
    /// What it declares; `null` if it cannot be read.
    #[schema(value_type = Option<Object>)]
    block: Option<serde_json::Value>,
    /// Why it cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// Blocks.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BlockList {
    /// The blocks, by name.
    blocks: Vec<Block>,
}

impl From<KnownBlock> for Block {
    fn from(KnownBlock { name, loaded, .. }: KnownBlock) -> Self {
        match loaded {
            Ok(loaded) => Self { name, block: serde_json::to_value(&loaded.block).ok(), error: None },
            Err(error) => Self { name, block: None, error: Some(chain(&error)) },
        }
    }
}

/// List the blocks that the server knows
#[utoipa::path(get, path = "/blocks", tag = "blocks", responses((status = 200, body = BlockList)))]
pub(crate) async fn list(State(web): State<Web>) -> Result<Json<BlockList>, Problem> {
    let finding = spawn_blocking(move || web.blocks.all().into_iter().map(Block::from).collect());
    Ok(Json(BlockList { blocks: finding.await.map_err(|_| Problem::broken())? }))
}

/// Show a block: its options, inputs and outputs
#[utoipa::path(get, path = "/blocks/{block}", tag = "blocks",
    params(("block" = String, Path, description = "its name; a slash in it is written as `%2F`")),
    responses((status = 200, body = Block), (status = 404, body = Problem)))]
pub(crate) async fn show(State(web): State<Web>, Path(block): Path<String>) -> Result<Json<Block>, Problem> {
    let name = block.clone();
    let found = spawn_blocking(move || web.blocks.find(&name).map(Block::from)).await.map_err(|_| Problem::broken())?;
    found.map(Json).ok_or_else(|| Problem::unknown(format!("there is no block `{block}`")))
}
