install.packages("zoo")
