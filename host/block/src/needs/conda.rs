//! Packages of conda: what their specifications mean to other installers, and what they are called there.

/// What a package of conda is elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Counterpart {
    /// The interpreter of Python.
    Python,
    /// The interpreter of R.
    R,
    /// A package of the Python package index.
    Index(String),
    /// A package of R.
    RPackage(String),
    /// A Debian package.
    Debian(&'static str),
    /// It is part of every environment.
    Nothing,
    /// It is of conda alone.
    None,
}

/// Packages with other names on the Python package index.
const INDEX: [(&str, &str); 22] = [
    ("dask-core", "dask"),
    ("git-python", "gitpython"),
    ("importlib_metadata", "importlib-metadata"),
    ("jpype1", "jpype1"),
    ("keras-gpu", "keras"),
    ("matplotlib-base", "matplotlib"),
    ("msgpack-python", "msgpack"),
    ("nb_conda_kernels", "nb-conda-kernels"),
    ("opencv", "opencv-python-headless"),
    ("py-opencv", "opencv-python-headless"),
    ("py-xgboost", "xgboost"),
    ("pyqt", "pyqt5"),
    ("pytables", "tables"),
    ("python-graphviz", "graphviz"),
    ("python-kaleido", "kaleido"),
    ("pytorch", "torch"),
    ("pytorch-cpu", "torch"),
    ("pytorch-gpu", "torch"),
    ("ruamel_yaml", "ruamel.yaml"),
    ("seaborn-base", "seaborn"),
    ("tensorflow-gpu", "tensorflow"),
    ("xgboost-cpu", "xgboost"),
];

/// Programs and libraries that Debian has.
const DEBIAN: [(&str, &str); 44] = [
    ("bcftools", "bcftools"),
    ("bedtools", "bedtools"),
    ("blast", "ncbi-blast+"),
    ("bowtie2", "bowtie2"),
    ("bwa", "bwa"),
    ("c-compiler", "gcc"),
    ("cmake", "cmake"),
    ("coin-or-cbc", "coinor-cbc"),
    ("coincbc", "coinor-cbc"),
    ("compilers", "build-essential"),
    ("curl", "curl"),
    ("cxx-compiler", "g++"),
    ("fastqc", "fastqc"),
    ("ffmpeg", "ffmpeg"),
    ("fortran-compiler", "gfortran"),
    ("gcc", "gcc"),
    ("gfortran", "gfortran"),
    ("ghostscript", "ghostscript"),
    ("git", "git"),
    ("glpk", "glpk-utils"),
    ("graphviz", "graphviz"),
    ("gxx", "g++"),
    ("hmmer", "hmmer"),
    ("imagemagick", "imagemagick"),
    ("jq", "jq"),
    ("libsndfile", "libsndfile1"),
    ("mafft", "mafft"),
    ("make", "make"),
    ("minimap2", "minimap2"),
    ("nodejs", "nodejs"),
    ("openjdk", "default-jre-headless"),
    ("pandoc", "pandoc"),
    ("poppler", "poppler-utils"),
    ("proj", "proj-bin"),
    ("samtools", "samtools"),
    ("sox", "sox"),
    ("sqlite", "sqlite3"),
    ("tesseract", "tesseract-ocr"),
    ("texlive-core", "texlive"),
    ("tree", "tree"),
    ("unzip", "unzip"),
    ("wget", "wget"),
    ("zip", "zip"),
    ("zstd", "zstd"),
];

/// Packages of R whose names have capital letters, which conda's have not.
const R_PACKAGES: [&str; 34] = [
    "BH",
    "Biobase",
    "DBI",
    "DT",
    "FNN",
    "GGally",
    "Hmisc",
    "KernSmooth",
    "MASS",
    "Matrix",
    "ModelMetrics",
    "NLP",
    "R6",
    "RColorBrewer",
    "RCurl",
    "RODBC",
    "ROCR",
    "RPostgres",
    "RPostgreSQL",
    "RSQLite",
    "Rcpp",
    "RcppArmadillo",
    "RcppEigen",
    "Rtsne",
    "S7",
    "Seurat",
    "SnowballC",
    "TTR",
    "V8",
    "VGAM",
    "VIM",
    "WDI",
    "XML",
    "Rmpfr",
];

/// Installers, and what packages bring with them.
const EVERYWHERE: [&str; 4] = ["pip", "conda", "tzdata", "uv"];

/// Packages of conda that have no counterpart: libraries and parts of conda itself. Those that begin with `lib` or `_` are
/// of this kind too.
const NOWHERE: [&str; 32] = [
    "anaconda",
    "blas",
    "bzip2",
    "c-ares",
    "ca-certificates",
    "cuda-toolkit",
    "cuda-version",
    "cudatoolkit",
    "cudnn",
    "freetype",
    "gdal",
    "geos",
    "hdf5",
    "icu",
    "intel-openmp",
    "ld_impl_linux-64",
    "llvm-openmp",
    "mamba",
    "mkl",
    "mkl-service",
    "ncurses",
    "nomkl",
    "openblas",
    "openssl",
    "python_abi",
    "pytorch-cuda",
    "pytorch-mutex",
    "r-essentials",
    "readline",
    "tk",
    "xz",
    "zlib",
];

/// The counterpart of a package, by its name in lower case.
pub(super) fn counterpart(name: &str) -> Counterpart {
    let renamed =
        |table: &[(&str, &'static str)]| table.iter().find(|(known, _)| *known == name).map(|(_, other)| *other);
    if name == "python" {
        return Counterpart::Python;
    }
    if name == "r-base" || name == "r" {
        return Counterpart::R;
    }
    if EVERYWHERE.contains(&name) {
        return Counterpart::Nothing;
    }
    if let Some(package) = renamed(&DEBIAN) {
        return Counterpart::Debian(package);
    }
    if NOWHERE.contains(&name) || name.starts_with("lib") || name.starts_with('_') {
        return Counterpart::None;
    }
    if let Some(package) = name.strip_prefix("r-") {
        let known = R_PACKAGES.iter().find(|known| known.eq_ignore_ascii_case(package));
        return Counterpart::RPackage((*known.unwrap_or(&package)).to_owned());
    }
    Counterpart::Index(renamed(&INDEX).unwrap_or(name).to_owned())
}

/// The name and the version of a specification, such as `conda-forge::numpy>=1.20` or `numpy=1.20=py39_0`.
pub(super) fn split(spec: &str) -> Result<(String, &str), &'static str> {
    let spec = spec.trim();
    let spec = spec.rsplit_once("::").map_or(spec, |(_, spec)| spec);
    if spec.contains("://") {
        return Err("packages are not installed from addresses: name a release");
    }
    if spec.contains('[') {
        return Err("brackets are not read: write `NAME>=VERSION`");
    }
    let is_part = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.');
    let end = spec.find(|character| !is_part(character)).unwrap_or(spec.len());
    let (name, version) = spec.split_at(end);
    if !name.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_') {
        return Err("it is not a package of conda");
    }
    Ok((name.to_lowercase(), version.trim()))
}

/// The versions of a specification as requirements write them: `=1.2` is any version that begins with it.
pub(super) fn requirement(version: &str) -> Result<String, &'static str> {
    if version.contains('|') {
        return Err("alternatives of versions are not read: write one of them");
    }
    let mut requirements = Vec::new();
    for part in version.split(',').map(str::trim).filter(|part| !matches!(*part, "" | "*" | "=*" | "==*")) {
        let exact = |text: &str| -> String {
            // What follows is a build.
            let version = text.split(['=', ' ']).next().unwrap_or_default().trim();
            format!("=={version}")
        };
        requirements.push(if let Some(rest) = part.strip_prefix("==") {
            exact(rest.trim_start())
        } else if let Some(rest) = part.strip_prefix('=') {
            let rest = rest.trim_start();
            let has_build = rest.contains('=');
            if has_build || rest.ends_with('*') { exact(rest) } else { format!("=={rest}.*") }
        } else if part.starts_with(['<', '>', '!', '~']) {
            part.split_whitespace().collect()
        } else {
            exact(part)
        });
    }
    Ok(requirements.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specifications_become_requirements() {
        let of = |spec: &str| {
            let (name, version) = split(spec)?;
            Ok::<_, &str>(format!("{name}{}", requirement(version)?))
        };
        for (spec, expected) in [
            ("numpy", "numpy"),
            ("Numpy=1.20", "numpy==1.20.*"),
            ("numpy==1.20.3", "numpy==1.20.3"),
            ("numpy=1.20.3=py39_0", "numpy==1.20.3"),
            ("conda-forge::numpy>=1.20,<2", "numpy>=1.20,<2"),
            ("numpy 1.20.*", "numpy==1.20.*"),
            ("numpy 1.20", "numpy==1.20"),
            ("numpy 1.20 py39_0", "numpy==1.20"),
            ("numpy >= 1.20", "numpy>=1.20"),
            ("numpy=1.20.*", "numpy==1.20.*"),
            ("numpy=*", "numpy"),
            ("numpy *", "numpy"),
            ("numpy!=1.20", "numpy!=1.20"),
        ] {
            assert_eq!(of(spec).as_deref(), Ok(expected), "{spec}");
        }
        assert!(of("numpy>1|<0.5").is_err() && of("numpy[version='>1']").is_err() && of("").is_err());
    }

    #[test]
    fn packages_have_their_counterparts() {
        assert_eq!(counterpart("pytorch"), Counterpart::Index("torch".into()));
        assert_eq!(counterpart("numpy"), Counterpart::Index("numpy".into()));
        assert_eq!(counterpart("r-rcpp"), Counterpart::RPackage("Rcpp".into()));
        assert_eq!(counterpart("r-data.table"), Counterpart::RPackage("data.table".into()));
        assert_eq!(counterpart("ffmpeg"), Counterpart::Debian("ffmpeg"));
        assert_eq!(counterpart("libgcc-ng"), Counterpart::None);
        assert_eq!(counterpart("_libgcc_mutex"), Counterpart::None);
        assert_eq!(counterpart("python"), Counterpart::Python);
    }
}
