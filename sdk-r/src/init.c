/* Called by R when it loads the package: registers what the Rust library has. */
void R_init_longshore_extendr(void *dll);

void R_init_longshore(void *dll) {
    R_init_longshore_extendr(dll);
}
