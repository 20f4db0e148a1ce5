"""`tf.contrib.distributions`: those of `tf.distributions`, and others that are made of plain operations."""
from ..._provide import provide

__getattr__, __dir__, __all__ = provide(__name__, {
    "_counts": ["Geometric", "Poisson"],
    "_functions": ["softplus_inverse"],
    "_location_scale": ["Cauchy", "HalfNormal", "Logistic"],
    "_multivariate": ["MultivariateNormalDiag", "MultivariateNormalDiagWithSoftplusScale"],
    "_names": ["Bernoulli", "Beta", "Categorical", "Dirichlet", "DirichletMultinomial", "Distribution", "Exponential",
               "FULLY_REPARAMETERIZED", "Gamma", "Laplace", "Multinomial", "NOT_REPARAMETERIZED", "Normal", "RegisterKL",
               "ReparameterizationType", "StudentT", "Uniform", "kl_divergence"],
    "_one_hot": ["OneHotCategorical", "RelaxedBernoulli", "RelaxedOneHotCategorical"],
    "_softplus": ["BetaWithSoftplusConcentration", "ExponentialWithSoftplusRate", "GammaWithSoftplusConcentrationRate",
                  "LaplaceWithSoftplusScale", "NormalWithSoftplusScale"],
})
