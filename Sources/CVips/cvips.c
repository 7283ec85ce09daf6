void cv_nothing(void) {}
