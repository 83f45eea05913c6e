//! Files of other tools that are not read, each with what to do instead.

/// Their names, and the reason or the way to have them read.
const FILES: [(&str, &str); 23] = [
    (".binder", "move its files beside the script"),
    ("Pipfile", "write its packages into a `requirements.txt`"),
    ("Pipfile.lock", "write its packages into a `requirements.txt`"),
    ("Project.toml", "Julia does not run here"),
    ("appendix", "Dockerfiles are not extended"),
    ("binder", "move its files beside the script"),
    ("conda-lock.yml", "give its packages an `environment.yml`"),
    ("default.nix", "Nix does not run here"),
    ("flake.nix", "Nix does not run here"),
    ("install.R", "list its packages in a `DESCRIPTION`, or let the script name them"),
    ("packrat.lock", "write an `renv.lock`"),
    ("pdm.lock", "write a `pylock.toml` or a `requirements.txt`"),
    ("pixi.lock", "write a `pylock.toml` or a `requirements.txt`"),
    ("pixi.toml", "give its packages an `environment.yml`"),
    ("poetry.lock", "write a `pylock.toml` or a `requirements.txt`"),
    ("postBuild", "no code of the folder runs while an environment is built"),
    ("requirements.in", "write a `requirements.txt`"),
    ("setup.cfg", "list its packages in a `pyproject.toml` or a `requirements.txt`"),
    ("setup.py", "list its packages in a `pyproject.toml` or a `requirements.txt`"),
    ("shell.nix", "Nix does not run here"),
    ("spack.yaml", "Spack does not run here"),
    ("start", "the script starts by itself"),
    ("Manifest.toml", "Julia does not run here"),
];

/// The files among `names` that are not read, with their reasons.
pub(super) fn not_read(names: &[String]) -> impl Iterator<Item = (&'static str, &'static str)> + '_ {
    FILES.into_iter().filter(|(file, _)| names.iter().any(|name| name == file))
}
