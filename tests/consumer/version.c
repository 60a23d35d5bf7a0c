/* The least that a program can do with usher: says which version it was compiled against and which
 * one it runs with. They must be the same. */
#include <stdio.h>
#include <usher/usher.h>

int main(void)
{
    printf("%s %#x\n", USHER_VERSION_STRING, (unsigned)usher_version());
    return usher_version() == USHER_VERSION_NUMBER ? 0 : 1;
}
