extern const char banner[];
int extra(int);
