/* Compiles the policy on its standard input, and says what is wrong with it. */
#include <stdio.h>

#include "../unit/world.h"

int main(void)
{
    static char text[65536];
    size_t len = fread(text, 1, sizeof text, stdin);
    char err[512] = "out of memory";
    struct policy p;

    if (usher__policy_compile(&p, text, len, &plain_world, err, sizeof err) != 0) {
        fprintf(stderr, "%s\n", err);
        return 1;
    }
    usher__policy_free(&p);
    return 0;
}
