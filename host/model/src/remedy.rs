//! What a caller can do about an error, an outcome or a note: data, which an application words for its own users. The
//! library's texts name causes; the command's words for remedies are in `host/cli/src/help.rs`.

use serde::{Deserialize, Serialize};

/// What a caller can do.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Remedy {
    /// Raise the limit of memory.
    RaiseMemory,
    /// Set rows per chunk within the limit.
    SetChunkRows {
        /// The most rows.
        most: u32,
    },
    /// Connect a table to the input.
    GiveInput {
        /// The input's name; `None` for input 0.
        name: Option<String>,
    },
    /// Connect a table to an input that the script reads.
    ConnectInput {
        /// The input's number, from 0.
        number: u32,
    },
    /// Share a file of this machine with the script.
    ShareFile {
        /// The file's absolute path.
        path: String,
    },
    /// Share a file in such a way that the script may write to it.
    ShareWritable {
        /// The file's absolute path.
        path: String,
    },
    /// Let other users read a shared file.
    LetOthersRead {
        /// The file's absolute path.
        path: String,
    },
    /// Get files from the script: as an output, or from its working folder.
    KeepFiles,
    /// Raise the limit of processes and threads.
    RaiseProcesses,
    /// Declare a package that the script needs.
    DeclarePackage {
        /// The package's name.
        package: String,
        /// Where the block declares its packages.
        place: PackageList,
    },
    /// Declare a Debian package that the script needs.
    DeclareSystemPackage {
        /// The package's name.
        package: String,
        /// Where the block declares its packages.
        place: PackageList,
    },
    /// Give the script a value as an option of its block.
    DeclareOption,
    /// Run the script by hand: in a shell in its container, or on a folder with its tables.
    RunByHand,
    /// Write to the output in the script, or do not ask for it.
    LeaveOutOutput,
    /// Name the format of a table that has no suffix.
    NameFormat,
    /// Give the options of writing to an output in a format that has them.
    PlaceWriteOptions,
    /// Allow the folder of a shared file, or put the file into an allowed folder.
    AllowFolder,
    /// Give the run a network.
    AddNetwork,
    /// Run the block once, on all rows.
    LeaveOutPartition,
    /// Keep files, or partition the run, but not both.
    LeaveOutKeepOrPartition,
    /// Run on the engine without isolation.
    UseProcesses,
    /// Run on an engine with containers.
    UseContainers,
    /// Find out why an engine does not answer.
    Diagnose,
    /// Add the user to the group of those who may use the engine.
    JoinEngineGroup,
    /// Name another image for the run.
    NameImage,
    /// List other versions of packages, or choose a base that they work with.
    FitBase,
    /// Build Longshore's own images, or name another image.
    BuildImages,
    /// Build one of Longshore's images that are not built with the others.
    BuildImage {
        /// Its name without `longshore/`.
        image: String,
    },
    /// Install the agent, or name its path in the settings.
    BuildAgent,
    /// Install the SDKs, or name their folder in the settings.
    BuildSdk,
    /// Install a recent Python, or name one in the settings.
    InstallPython,
    /// Install R, or name its interpreter in the settings.
    InstallR,
    /// Install uv, or name it in the settings.
    InstallUv,
    /// Build the image of a block.
    BuildBlockImage {
        /// The block, as the caller named it.
        block: String,
    },
    /// Write the lock of the block again.
    WriteLock,
    /// Remove images that are not in use.
    PruneImages,
    /// List the images.
    ListImages,
    /// Import the archive without trust in its labels.
    ImportUntrusted,
    /// Take a fingerprint, and save it.
    TakeFingerprint,
    /// Take the fingerprint of the image apart from a run, which waits longer.
    WaitForFingerprint,
    /// List the runs of the history.
    ListRuns,
    /// Move the folder of the database away: a new one is made.
    MoveDatabase {
        /// The folder.
        path: String,
    },
    /// Use the newer version of Longshore that wrote a file, or another state folder.
    UseNewerVersion,
    /// Find the source of a setting.
    ShowSettings,
    /// Write the outputs of a block's cases as the expected tables.
    UpdateCases,
}

/// Where a block declares the packages of its language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PackageList {
    /// The head of a Python script.
    PythonScript,
    /// The head of an R script.
    RScript,
    /// `block.toml`.
    BlockToml,
    /// `manifest.json`.
    ManifestJson,
    /// `requirements.txt` beside the script.
    Requirements,
}
