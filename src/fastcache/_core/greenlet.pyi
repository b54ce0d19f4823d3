from typing import final

@final
class Loads: ...
