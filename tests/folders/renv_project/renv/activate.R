# starts renv
