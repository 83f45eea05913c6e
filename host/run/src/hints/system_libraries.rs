//! The Debian packages of the system libraries that Python and R packages load most often without having them: a table
//! for hints. Names are those of Debian 12; Debian 13 provides them too, or has the library in another version.

/// File names of libraries and their packages, sorted.
const PACKAGES: [(&str, &str); 70] = [
    ("libEGL.so.1", "libegl1"),
    ("libGL.so.1", "libgl1"),
    ("libGLU.so.1", "libglu1-mesa"),
    ("libICE.so.6", "libice6"),
    ("libOSMesa.so.8", "libosmesa6"),
    ("libOpenGL.so.0", "libopengl0"),
    ("libSM.so.6", "libsm6"),
    ("libX11.so.6", "libx11-6"),
    ("libXext.so.6", "libxext6"),
    ("libXrender.so.1", "libxrender1"),
    ("libXt.so.6", "libxt6"),
    ("libarchive.so.13", "libarchive13"),
    ("libasound.so.2", "libasound2"),
    ("libatk-1.0.so.0", "libatk1.0-0"),
    ("libblas.so.3", "libblas3"),
    ("libcairo.so.2", "libcairo2"),
    ("libcurl.so.4", "libcurl4"),
    ("libdbus-1.so.3", "libdbus-1-3"),
    ("libenchant-2.so.2", "libenchant-2-2"),
    ("libfontconfig.so.1", "libfontconfig1"),
    ("libfreetype.so.6", "libfreetype6"),
    ("libfribidi.so.0", "libfribidi0"),
    ("libgdal.so.32", "libgdal32"),
    ("libgdk_pixbuf-2.0.so.0", "libgdk-pixbuf-2.0-0"),
    ("libgeos_c.so.1", "libgeos-c1v5"),
    ("libgfortran.so.5", "libgfortran5"),
    ("libgio-2.0.so.0", "libglib2.0-0"),
    ("libglib-2.0.so.0", "libglib2.0-0"),
    ("libglpk.so.40", "libglpk40"),
    ("libgmp.so.10", "libgmp10"),
    ("libgobject-2.0.so.0", "libglib2.0-0"),
    ("libgomp.so.1", "libgomp1"),
    ("libgsl.so.27", "libgsl27"),
    ("libgthread-2.0.so.0", "libglib2.0-0"),
    ("libgtk-3.so.0", "libgtk-3-0"),
    ("libharfbuzz.so.0", "libharfbuzz0b"),
    ("libhdf5_serial.so.103", "libhdf5-103-1"),
    ("libicuuc.so.72", "libicu72"),
    ("libjpeg.so.62", "libjpeg62-turbo"),
    ("liblapack.so.3", "liblapack3"),
    ("libmagic.so.1", "libmagic1"),
    ("libmariadb.so.3", "libmariadb3"),
    ("libmpfr.so.6", "libmpfr6"),
    ("libnetcdf.so.19", "libnetcdf19"),
    ("libnspr4.so", "libnspr4"),
    ("libnss3.so", "libnss3"),
    ("libodbc.so.2", "libodbc2"),
    ("libopenblas.so.0", "libopenblas0"),
    ("libopenjp2.so.7", "libopenjp2-7"),
    ("libpango-1.0.so.0", "libpango-1.0-0"),
    ("libpangocairo-1.0.so.0", "libpangocairo-1.0-0"),
    ("libpangoft2-1.0.so.0", "libpangoft2-1.0-0"),
    ("libpng16.so.16", "libpng16-16"),
    ("libportaudio.so.2", "libportaudio2"),
    ("libpq.so.5", "libpq5"),
    ("libproj.so.25", "libproj25"),
    ("libsndfile.so.1", "libsndfile1"),
    ("libsodium.so.23", "libsodium23"),
    ("libspatialindex.so.6", "libspatialindex6"),
    ("libsqlite3.so.0", "libsqlite3-0"),
    ("libtesseract.so.5", "libtesseract5"),
    ("libtk8.6.so", "libtk8.6"),
    ("libudunits2.so.0", "libudunits2-0"),
    ("libusb-1.0.so.0", "libusb-1.0-0"),
    ("libwebp.so.7", "libwebp7"),
    ("libxcb.so.1", "libxcb1"),
    ("libxml2.so.2", "libxml2"),
    ("libxslt.so.1", "libxslt1.1"),
    ("libzbar.so.0", "libzbar0"),
    ("libzmq.so.5", "libzmq5"),
];

/// The Debian package that has a library; `None` if the table has none.
pub(super) fn package_of_library(library: &str) -> Option<&'static str> {
    let found = PACKAGES.binary_search_by(|(name, _)| (*name).cmp(library)).ok()?;
    Some(PACKAGES[found].1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_library_is_found_in_the_table() {
        for (library, package) in PACKAGES {
            assert_eq!(package_of_library(library), Some(package), "the table is not sorted at `{library}`");
            assert!(library.starts_with("lib") && library.contains(".so"), "{library}");
            let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
            assert!(package.starts_with("lib") && package.bytes().all(is_name), "{package}");
        }
        for other in ["", "libGL.so", "libGL.so.2", "libgl.so.1", "libours.so.1"] {
            assert_eq!(package_of_library(other), None, "{other}");
        }
    }
}
