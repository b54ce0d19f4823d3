/* ready.h: a StopIteration that was kept for its next use goes to one thread, with its value, and keeps nothing. */
#include "objects.h"
#include "ready.h"

/* Where threads have places apart, one place is shared by two at least. */
#ifdef Py_GIL_DISABLED
enum { THREADS = FC_SPARE_STOPS + 2 };
#else
enum { THREADS = 1 };
#endif

static void hand_out(int number)
{
    for (int n = 0; n < rounds; n++) {
        PyObject *value = token_new(number), *stop = fc_stop_new(value);
        PyStopIterationObject *own = (PyStopIterationObject *)stop;
        check(own->value == value && PyTuple_GET_ITEM(own->args, 0) == value, "another's value");
        falter();
        check(own->value == value && PyTuple_GET_ITEM(own->args, 0) == value, "it was handed to another meanwhile");
        check(token_number(own->value) == number, "a value of thread %lld", (long long)token_number(own->value));
        drop(value);
        switch (draw(8)) {
        case 0:
            /* Somebody keeps it. */
            Py_INCREF(stop);
            fc_stop_free(stop);
            check(own->value == value, "it was taken from who kept it");
            Py_DECREF(stop);
            break;
        case 1:
            fc_stop_raise(stop);
            check(PyErr_ExceptionMatches(PyExc_StopIteration), "not raised");
            PyErr_Clear();
            break;
        default:
            fc_stop_free(stop);
        }
        fc_stop_free(NULL);
        pass();
    }
}

static void drive(int effort)
{
    int spare = 0;
    set_rounds(40000 / THREADS, effort);
    check(PyType_Ready(&token_type) == 0, "no type");
    run_threads(THREADS, hand_out);
    check(tokens_alive == 0, "%lld values are kept", (long long)tokens_alive);
    fc_stop_free(fc_stop_new(Py_None));
    for (int n = 0; n < FC_SPARE_STOPS; n++) {
        PyStopIterationObject *own = (PyStopIterationObject *)fc_spare_stops[n];
        if (own == NULL)
            continue;
        spare++;
        check(own->value == Py_None && PyTuple_GET_ITEM(own->args, 0) == Py_None, "not blank");
        check(Py_REFCNT(own) == 1 && own->dict == NULL && own->context == NULL, "somebody has it");
        Py_DECREF(own);
        fc_spare_stops[n] = NULL;
    }
    check(spare > 0, "none was kept");
    printf("%d threads, %d each, %d spare\n", THREADS, rounds, spare);
}

HARNESS(ready)
