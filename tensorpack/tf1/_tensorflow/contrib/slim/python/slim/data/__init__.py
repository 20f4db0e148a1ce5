"""`tf.contrib.slim.python.slim.data`: records from files, through queues."""
