"""The playground: a page in the browser on which people draw digits, open the network, train it and break it.

It takes the extra ``play`` (NiceGUI on FastAPI), which is imported by the modules in here and by nothing else.
"""
