//! The settings for images with other versions of the languages. Their places in the list of all are in `list.rs`.

use super::setting::{PLAIN, Setting};
use super::slot::Slot;

const IMAGES: Setting = Setting { table: "images", ..PLAIN };

pub(super) const PYTHON_3_13: Setting = Setting {
    key: "python_3_13",
    slot: Slot::Image(|settings| &mut settings.python_3_13_image),
    variable: "LONGSHORE_PYTHON_3_13_IMAGE",
    about: "the image of blocks with `python = \"3.13\"` that name none",
    default: "`longshore/python-3.13` of this version",
    example: r#""registry.example.com/team/python-3.13:3""#,
    ..IMAGES
};

pub(super) const R_4_5: Setting = Setting {
    key: "r_4_5",
    slot: Slot::Image(|settings| &mut settings.r_4_5_image),
    variable: "LONGSHORE_R_4_5_IMAGE",
    about: "the image of blocks with `r = \"4.5\"` that name none",
    default: "`longshore/r-4.5` of this version",
    example: r#""registry.example.com/team/r-4.5:3""#,
    ..IMAGES
};
