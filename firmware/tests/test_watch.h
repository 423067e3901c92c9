#ifndef TEST_WATCH_H
#define TEST_WATCH_H

/* What the rig does by itself. */
void test_watch(void);

#endif
